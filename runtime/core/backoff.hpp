#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

namespace sandfleet::core {

/// Exponential backoff with full jitter: before attempt n + 1 the wait is uniform in
/// [0, min(cap, base * 2^(n-1))]. Source: "Exponential Backoff And Jitter" (AWS Architecture Blog).
struct backoff_policy {
  std::chrono::milliseconds base{100};
  std::chrono::milliseconds cap{10'000};
  unsigned max_attempts = 3;                      ///< in all, the first one included; >= 1
  std::chrono::milliseconds max_elapsed{120'000}; ///< no attempt begins after this
};

/// One sequence of attempts. Holds no clock: the caller says how much time has passed.
class backoff {
 public:
  backoff(backoff_policy policy, std::uint64_t seed) : policy_(policy), random_(seed) {}

  /// How long to wait before the next attempt, given that one has just failed; nothing when
  /// attempts or time are used up.
  [[nodiscard]] std::optional<std::chrono::milliseconds>
  next_delay(std::chrono::milliseconds elapsed);

  /// Attempts that have failed so far.
  [[nodiscard]] unsigned failures() const noexcept { return failures_; }

  void reset() noexcept { failures_ = 0; }

 private:
  backoff_policy policy_;
  unsigned failures_ = 0;
  std::mt19937_64 random_;
};

} // namespace sandfleet::core
