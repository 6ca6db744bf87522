#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace sandfleet::batch {

/// How far a batch is.
struct progress_state {
  std::uint64_t total = 0; ///< tasks of this run
  std::uint64_t done = 0;
  std::uint64_t passed = 0;
  std::uint64_t running = 0;
  double seconds = 0; ///< since the beginning
};

/// One line of at most `width` columns, without a line end: bar, counts, rate, time left.
[[nodiscard]] std::string progress_bar(const progress_state& state, unsigned width);

/// The same for a log.
[[nodiscard]] std::string progress_line(const progress_state& state);

/// Decides when a log gets its next line: at each tenth of the tasks, and when nothing was said for
/// 10 s or a tenth of the time so far, whichever is longer, so that the number of lines grows with
/// the logarithm of time.
class log_pace {
 public:
  [[nodiscard]] bool due(const progress_state& state);

 private:
  std::uint64_t tenths_ = 0;
  double last_ = 0;
};

} // namespace sandfleet::batch
