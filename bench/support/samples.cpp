#include "bench/support/samples.hpp"

#include <algorithm>
#include <cstdio>

namespace sandfleet::bench {

double samples::percentile(double share) {
  if (values_.empty())
    return 0;
  if (!sorted_) {
    std::ranges::sort(values_);
    sorted_ = true;
  }
  return values_[static_cast<std::size_t>(share * static_cast<double>(values_.size() - 1))];
}

void samples::print(samples& floor) {
  std::printf("%-42s %9.1f us p50 %9.1f us p95 %9.1f us p99 %7.2f x\n", name_.c_str(),
              percentile(0.5), percentile(0.95), percentile(0.99),
              percentile(0.5) / floor.percentile(0.5));
}

} // namespace sandfleet::bench
