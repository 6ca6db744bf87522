#pragma once

#include "runtime/transport/endpoint.hpp"

#include <sandfleet/error.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <variant>
#include <vector>

namespace sandfleet::agent {

struct inherited_socket {
  int fd = -1;
};

/// What the command line and the environment ask for (sandbox_agent/README.md).
struct options {
  std::variant<transport::tcp_endpoint, transport::unix_endpoint, inherited_socket> listen;
  std::string working_dir; ///< absolute
  std::optional<std::string> username;
  std::optional<uid_t> user_id;
  std::vector<std::string> plugins;
  std::optional<int> ready_fd;
  std::optional<int> lifeline_fd;
  std::vector<int> commands_group_fds; ///< see `enter_groups`
  std::string session_key;             ///< empty: none is asked for
  std::chrono::milliseconds no_change_timeout{10'000};
  std::map<std::string, std::string> env; ///< for the processes of the sandbox; holds no key
  bool help = false;
};

/// Errors are `invalid_argument` or `invalid_configuration` and name the argument or variable.
[[nodiscard]] result<options> parse_options(const std::vector<std::string>& arguments,
                                            std::map<std::string, std::string> environment);

[[nodiscard]] std::string usage();

} // namespace sandfleet::agent
