#pragma once

#include <sandfleet/ids.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet {

/// Limits of a reply's captured text, in bytes. What is beyond is dropped in the middle or front
/// (as the field says) and reported by a `truncated` flag.
inline constexpr std::size_t default_max_output_bytes = 1 << 20;

/// A text for a sandbox's bash session. State (directory, variables, functions, jobs) persists from
/// one command to the next; a text of several lines is one command.
struct command_request {
  std::string command;
  session_name session{"default"};
  std::string stdin_path; ///< file that the command reads; empty: /dev/null
  std::chrono::milliseconds timeout{120'000};
  std::size_t max_output_bytes = default_max_output_bytes;
};

/// How a command in a session ended. `exit_code` is empty when it timed out.
struct command_result {
  std::optional<int> exit_code; ///< 128 + signal for a command ended by a signal, as bash says it
  std::string output;           ///< what the terminal showed, UTF-8; dropped from the front
  bool truncated = false;
  bool timed_out = false;
  bool shell_restarted = false; ///< the command before ended the shell; this one got a new one
  bool shell_ended = false;     ///< this command ended the shell
  std::string shell;            ///< what it was doing at the time-out, or how it ended
  std::int64_t oom_kills = 0;   ///< processes killed for memory in the sandbox meanwhile
  std::chrono::duration<double> seconds{0};
};

/// A process of its own, beside the sessions: its shell, aliases and variables do not reach it.
struct exec_request {
  std::vector<std::string> argv; ///< not empty; argv[0] is searched in PATH
  std::string cwd;               ///< empty: the workspace
  std::map<std::string, std::string> env;
  bool clean_env = false; ///< true: `env` and a default PATH and HOME only
  /// It judges what ran before, which may have prepared for it: HOME is new and empty, Python and
  /// git look for nothing but there; and it fails with `permission_denied` where the system's
  /// programs are read-only (image `host`) and something stands in their way nevertheless.
  bool is_check = false;
  std::string stdin_bytes;
  std::chrono::milliseconds timeout{120'000}; ///< then the whole process tree is killed
  std::size_t max_output_bytes = default_max_output_bytes; ///< for each of the two outputs
};

/// How an `exec` ended: `exit_code` or `signal` is set, or `timed_out` is true.
struct exec_result {
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string out; ///< raw bytes; the first max_output_bytes of them
  std::string err;
  bool out_truncated = false;
  bool err_truncated = false;
  bool timed_out = false;
  std::int64_t oom_kills = 0; ///< processes killed for memory in the sandbox meanwhile
  std::chrono::duration<double> seconds{0};
};

/// A file read out of a sandbox.
struct file_content {
  std::string bytes;
  std::uint32_t mode = 0; ///< permission bits
};

} // namespace sandfleet
