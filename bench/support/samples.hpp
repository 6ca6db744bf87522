#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sandfleet::bench {

/// Durations of one kind of work, in microseconds.
class samples {
 public:
  explicit samples(std::string name) : name_(std::move(name)) {}

  template <class Work>
  void time(Work work) {
    const auto began = clock::now();
    work();
    add(std::chrono::duration<double, std::micro>(clock::now() - began).count());
  }

  void add(double microseconds) {
    values_.push_back(microseconds);
    sorted_ = false;
  }

  /// The value below which that share (0 to 1) of the samples lies; 0 when there are none.
  [[nodiscard]] double percentile(double share);

  /// One line: the name, p50, p95, p99, and the p50 as a multiple of that of `floor`.
  void print(samples& floor);

 private:
  using clock = std::chrono::steady_clock;

  std::string name_;
  std::vector<double> values_;
  bool sorted_ = false;
};

} // namespace sandfleet::bench
