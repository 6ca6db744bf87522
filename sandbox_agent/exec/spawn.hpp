#pragma once

#include "sandbox_agent/bash/pty.hpp"

#include <sandfleet/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::agent {

struct spawn_spec {
  std::vector<std::string> argv; ///< argv[0] is searched in `search_path` unless it holds a slash
  std::vector<std::string> environment;
  std::string search_path;
  std::string working_dir;
  bool feed_stdin = false; ///< else standard input is /dev/null
};

/// A process that leads a session of its own. Our ends of its pipes do not block.
struct spawned {
  pid_t pid = 0;
  unique_fd pidfd;
  unique_fd in; ///< none without `feed_stdin`
  unique_fd out;
  unique_fd err;
};

/// Starts a program with no descriptor but the three, no signal blocked or ignored. A file that is
/// executable but of no known format is run by /bin/sh, as execvp(3) does.
[[nodiscard]] result<spawned> spawn(const spawn_spec& spec);

} // namespace sandfleet::agent
