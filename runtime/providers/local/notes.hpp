#pragma once

#include <sandfleet/ids.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// What a launcher notes in its sandbox's directory, for whoever has to clean up after it.
namespace sandfleet::providers::local {

/// The control groups: of the paths that are noted, those that are named after the sandbox.
[[nodiscard]] std::vector<std::string> noted_cgroups(std::string_view text, const sandbox_id& id);

struct noted_process {
  pid_t pid = 0;
  std::uint64_t start_time = 0;

  friend bool operator==(const noted_process&, const noted_process&) = default;
};

/// "PID START", the sandbox's first process.
[[nodiscard]] std::optional<noted_process> noted_init(std::string_view text);

} // namespace sandfleet::providers::local
