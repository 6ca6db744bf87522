#include "runtime/core/backoff.hpp"

#include <algorithm>

namespace sandfleet::core {

std::optional<std::chrono::milliseconds> backoff::next_delay(std::chrono::milliseconds elapsed) {
  ++failures_;
  if (failures_ >= policy_.max_attempts)
    return std::nullopt;
  // 2^30 times any sane base is beyond any cap; the bound keeps the shift defined.
  const auto doublings = std::min(failures_ - 1, 30U);
  const auto ceiling =
      std::min<std::int64_t>(policy_.cap.count(), policy_.base.count() << doublings);
  std::uniform_int_distribution<std::int64_t> pick(0, std::max<std::int64_t>(ceiling, 0));
  const std::chrono::milliseconds delay{pick(random_)};
  if (elapsed + delay > policy_.max_elapsed)
    return std::nullopt;
  return delay;
}

} // namespace sandfleet::core
