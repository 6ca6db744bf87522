#pragma once

#include "runtime/transport/endpoint.hpp"

#include <sandfleet/error.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <variant>
#include <vector>

namespace sandfleet::agent {

struct inherited_socket {
  int fd = -1;
};

/// One that is handed over at a unix socket (handed_listener.hpp).
struct handed_socket {
  std::string path;
};

/// What the command line and the environment ask for (sandbox_agent/README.md).
struct options {
  std::variant<transport::tcp_endpoint, transport::unix_endpoint, inherited_socket, handed_socket>
      listen;
  std::string working_dir; ///< absolute
  std::optional<std::string> username;
  std::optional<uid_t> user_id;
  bool su_to_user = true;              ///< whether the username may become the shell's user
  std::string runtime_username;        ///< one more name that it may be; empty: none
  std::string workspace_group{"root"}; ///< a name or a number
  std::vector<std::string> plugins;
  bool enable_browser = true;
  std::string browsergym_eval_env;
  std::optional<std::int64_t> max_memory_gb;
  bool memory_monitor = false;
  std::optional<int> memory_events_fd; ///< see `memory_group`
  std::optional<std::int64_t> memory_limit_mb;
  bool auto_lint = false; ///< whether edits of files are linted
  std::optional<int> ready_fd;
  std::optional<int> lifeline_fd;
  std::vector<int> commands_group_fds; ///< see `enter_groups`
  std::string session_key;             ///< empty: none is asked for
  std::chrono::milliseconds no_change_timeout{10'000};
  std::map<std::string, std::string> env; ///< for the processes of the sandbox; holds no key
  std::vector<std::string> warnings;      ///< what was given and has no effect
  bool help = false;
};

/// Errors are `invalid_argument` or `invalid_configuration` and name the argument or variable.
[[nodiscard]] result<options> parse_options(const std::vector<std::string>& arguments,
                                            std::map<std::string, std::string> environment);

/// Whether a variable's text switches on what is off by default, as the reference reads it.
[[nodiscard]] bool is_switched_on(std::string_view text);

[[nodiscard]] std::string usage();

} // namespace sandfleet::agent
