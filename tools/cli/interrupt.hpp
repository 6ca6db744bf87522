#pragma once

#include <functional>
#include <memory>

namespace sandfleet::cli {

/// While it lives, SIGINT and SIGTERM do not end the process: `on_signal` is called for the first
/// of them, on a thread of its own, so that it comes even while every other thread is blocked. A
/// second one ends the process at once, as if nobody watched. At most one at a time.
///
/// It works by handlers, not by the signal mask or SIG_IGN: those two are inherited by every
/// program that is started, and so would reach into the sandboxes.
class interrupt_watch {
 public:
  explicit interrupt_watch(std::function<void(int)> on_signal);
  ~interrupt_watch();
  interrupt_watch(const interrupt_watch&) = delete;
  interrupt_watch& operator=(const interrupt_watch&) = delete;

  /// Readable from the first signal on: for poll(2) beside a descriptor that may block.
  [[nodiscard]] int descriptor() const;

  /// The first signal; 0: none so far.
  [[nodiscard]] int signal() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Makes writing to a pipe without a reader (EPIPE) and beyond the limit of a file's size (EFBIG)
/// an error instead of the end of the process; programs that are started do not inherit that.
void survive_failing_writes();

} // namespace sandfleet::cli
