#pragma once

#include "runtime/core/backoff.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace sandfleet::actors {

/// How often a child may be started again.
struct restart_limits {
  unsigned max_restarts = 5; ///< within `window`; one more death and it is given up
  std::chrono::milliseconds window{60'000};
  std::chrono::milliseconds base{50}; ///< of the wait before a restart, which doubles in a window
  std::chrono::milliseconds cap{5'000};
};

/// Decides for one child whether, and after which wait, it is started again.
class restart_window {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  restart_window(restart_limits limits, std::uint64_t seed);

  /// The child has died. Nothing: it died too often.
  [[nodiscard]] std::optional<std::chrono::milliseconds> next_delay(time_point now);

 private:
  restart_limits limits_;
  core::backoff backoff_;
  std::deque<time_point> deaths_;
};

} // namespace sandfleet::actors
