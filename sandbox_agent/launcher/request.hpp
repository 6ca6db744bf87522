#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/spec.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::launcher {

/// One sandbox to make. README.md lists the arguments that these fields come from.
struct request {
  std::string id;            ///< also names its cgroups and its host
  std::string state_dir;     ///< a directory of the sandbox's own, owned by the caller
  std::string agent_program; ///< absolute
  isolation_mode isolation = isolation_mode::namespaces;
  std::string image = "host"; ///< or "rootfs:/path"
  std::string workspace = "/workspace";
  bool host_network = false;
  std::vector<volume> volumes;
  std::vector<std::string> env; ///< NAME=VALUE, all that the agent gets
  resource_limits limits;
};

/// The directory of a "rootfs:" image; empty for "host".
[[nodiscard]] std::string_view rootfs_path(const request& wanted) noexcept;

/// The parts of a NUL-separated list; a last part without NUL counts too.
[[nodiscard]] std::vector<std::string_view> split_arguments(std::string_view bytes);

/// Reads and checks the whole list. Every failure names the argument.
[[nodiscard]] result<request> parse_request(std::span<const std::string_view> arguments);

} // namespace sandfleet::launcher
