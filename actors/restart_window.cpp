#include "actors/restart_window.hpp"

#include <limits>

namespace sandfleet::actors {

namespace {

core::backoff_policy policy_of(const restart_limits& limits) {
  core::backoff_policy policy;
  policy.base = limits.base;
  policy.cap = limits.cap;
  // The window alone decides about the last one.
  policy.max_attempts = std::numeric_limits<unsigned>::max();
  policy.max_elapsed = limits.window;
  return policy;
}

} // namespace

restart_window::restart_window(restart_limits limits, std::uint64_t seed)
    : limits_(limits), backoff_(policy_of(limits), seed) {}

std::optional<std::chrono::milliseconds> restart_window::next_delay(time_point now) {
  while (!deaths_.empty() && now - deaths_.front() > limits_.window)
    deaths_.pop_front();
  if (deaths_.empty())
    backoff_.reset();
  deaths_.push_back(now);
  if (deaths_.size() > limits_.max_restarts)
    return std::nullopt;
  return backoff_.next_delay(std::chrono::milliseconds(0));
}

} // namespace sandfleet::actors
