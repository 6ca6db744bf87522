#pragma once

#include <sandfleet/error.hpp>

#include <string>
#include <sys/types.h>
#include <vector>

namespace sandfleet::agent {

/// A descriptor that is closed with its owner.
class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept;
  ~unique_fd();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release();

 private:
  int fd_ = -1;
};

struct pty_process {
  unique_fd master; ///< does not block
  unique_fd pidfd;
  pid_t pid = 0; ///< leads a session of its own, whose terminal the pty is
};

struct pty_spec {
  std::string program;           ///< a path
  std::vector<std::string> argv; ///< argv[0]: what the program is told to be called
  std::vector<std::string> environment;
  std::string working_dir;
  int columns = 80;
  int rows = 24;
  bool echo = true;
};

/// Starts a program on a pty of its own with no other descriptor, no signal blocked or ignored.
[[nodiscard]] result<pty_process> spawn_on_pty(const pty_spec& spec);

/// The terminal's echo, as set from our side. Failures have no remedy and are not reported.
void set_echo(int master, bool on);

struct process_end {
  int exit_code = -1; ///< 128 + the signal that killed it; -1: it has not ended
  int signal = 0;
};

/// Reaps a process that has ended. Never blocks.
[[nodiscard]] process_end reap(pid_t pid);

} // namespace sandfleet::agent
