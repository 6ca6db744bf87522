#pragma once

#include "sandbox_agent/bash/pty.hpp"

#include <string>
#include <sys/types.h>
#include <vector>

namespace sandfleet::agent {

/// A program that becomes a process of the sandbox. Lists are as exec wants them.
struct process_start {
  const char* program = nullptr; ///< a path
  char* const* argv = nullptr;
  char* const* environment = nullptr;
  const char* working_dir = nullptr;
  const char* terminal = nullptr; ///< becomes its controlling terminal and all of 0 to 2; or:
  int in = -1;                    ///< -1: /dev/null
  int out = -1;
  int err = -1;
};

struct started_process {
  pid_t pid = 0;
  unique_fd pidfd;
};

/// Starts a program in a session of its own with its three descriptors alone, no signal blocked or
/// ignored, in the control groups of `enter_groups` and as the user of `run_as`. 0, or an errno;
/// then nothing runs. Returns once the program runs in place of our copy.
[[nodiscard]] int start_process(const process_start& what, started_process& into);

/// From now on every process that is started enters these groups first: open files, each of which
/// moves the thread that writes "0" to it. So what is limited there is limited for all that the
/// agent starts and not for the agent.
void enter_groups(std::vector<int> files);

/// A list as exec wants it, which lives as long as `texts`.
[[nodiscard]] std::vector<char*> exec_list(const std::vector<std::string>& texts);

} // namespace sandfleet::agent
