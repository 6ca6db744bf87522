#pragma once

#include "tools/cli/raw_terminal.hpp"

#include <sandfleet/engine.hpp>
#include <sandfleet/terminal.hpp>

#include <csignal>
#include <memory>

namespace sandfleet::cli {

/// Signals that a session on the user's terminal reads, in place of being ended or stopped by them.
/// While it lives they are blocked, in the threads too that are begun meanwhile.
class session_signals {
 public:
  session_signals();
  ~session_signals();
  session_signals(const session_signals&) = delete;
  session_signals& operator=(const session_signals&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  sigset_t before_{};
  int descriptor_ = -1;
};

/// How a session came to its end.
struct session_end {
  result<terminal_exit> outcome;
  int signal = 0; ///< that ended it from outside; 0: none
};

/// Joins the user's terminal with one in a sandbox until the program there ends, or until a signal
/// says that nobody sits here any more.
[[nodiscard]] session_end run_session(engine& runtime, terminal remote, raw_terminal& local,
                                      const session_signals& signals);

} // namespace sandfleet::cli
