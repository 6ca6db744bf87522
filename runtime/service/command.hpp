#pragma once

#include "runtime/protocol/remote_api.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::service {

/// How a client's command came to its end.
struct command_end {
  std::optional<std::int64_t> exit_code;
  std::string output; ///< the last of it
};

/// What a shell has to run for a client's command; `key` is the sandbox's own.
[[nodiscard]] std::string command_text(const protocol::runtime_start& asked,
                                       const std::string& key);

/// Of the agent's answer to that.
[[nodiscard]] command_end read_command_end(int status, std::string_view body);

/// As `restart_reasons` tells it: "OOMKilled", "exit code 3".
[[nodiscard]] std::string to_string(const command_end& end);

} // namespace sandfleet::service
