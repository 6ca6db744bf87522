#pragma once

#include "tools/batch/noise.hpp"
#include "tools/batch/task_result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandfleet::batch {

/// The account of a whole batch, filled as results come.
class summary {
 public:
  std::uint64_t tasks = 0; ///< good lines of the task file
  std::uint64_t bad_lines = 0;
  std::uint64_t earlier = 0; ///< results of earlier runs that were kept
  std::uint64_t earlier_passed = 0;
  double seconds = 0;
  bool interrupted = false;

  void add(const task_result& done);

  [[nodiscard]] std::uint64_t done() const { return done_; } ///< in this run
  [[nodiscard]] std::uint64_t passed() const { return earlier_passed + passed_; }
  [[nodiscard]] std::uint64_t failed() const { return earlier + done_ - passed(); }
  [[nodiscard]] std::uint64_t not_run() const {
    // A file that grew while the batch ran has more results than tasks were counted.
    return tasks > earlier + done_ ? tasks - earlier - done_ : 0;
  }

  /// Of this run.
  [[nodiscard]] const noise& disturbances() const { return noise_; }

  /// Rows for people: name and value.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> rows() const;
  [[nodiscard]] std::string to_json(std::string_view results_path) const;

 private:
  [[nodiscard]] double rate() const;

  std::uint64_t done_ = 0;
  std::uint64_t passed_ = 0;
  std::uint64_t attempts_ = 0;
  noise noise_;
};

} // namespace sandfleet::batch
