#pragma once

#include "sandbox_agent/bash/pty.hpp"

#include <string>

namespace sandfleet::bench {

/// The floor to measure against: bash on a pty with a constant prompt and the terminal's echo off,
/// written to and read from by plain blocking system calls.
class bare_shell {
 public:
  explicit bare_shell(const std::string& working_dir);
  ~bare_shell();
  bare_shell(const bare_shell&) = delete;
  bare_shell& operator=(const bare_shell&) = delete;

  /// Types a line and reads until the next prompt; what came before it.
  std::string command(const std::string& line);

 private:
  std::string read_to_prompt();

  agent::pty_process process_;
};

} // namespace sandfleet::bench
