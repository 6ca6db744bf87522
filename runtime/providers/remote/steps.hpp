#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace sandfleet::providers::remote {

/// Pauses between looks at what takes its time: each twice as long as the one before, up to a most.
class steps {
 public:
  steps(std::chrono::milliseconds first, std::chrono::milliseconds longest)
      : first_(first), longest_(longest), next_(first) {}

  std::chrono::milliseconds next() { return std::exchange(next_, std::min(2 * next_, longest_)); }

  void reset() { next_ = first_; }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds longest_;
  std::chrono::milliseconds next_;
};

} // namespace sandfleet::providers::remote
