#pragma once

#include "runtime/protocol/json_writer.hpp"
#include "tools/batch/task_result.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sandfleet::batch {

/// What may have changed the outcomes of a run beside the tasks themselves: limits that were met,
/// waiting, attempts that had to be made again. Two runs compare when these do.
class noise {
 public:
  void add(const task_result& done);

  /// Rows for people: name and value. Empty when nothing was added.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> rows() const;

  /// One object.
  void write(protocol::json_writer& out) const;

  [[nodiscard]] const std::map<std::string, std::uint64_t>& failures_by_class() const {
    return failures_by_class_;
  }
  [[nodiscard]] std::optional<double> start_quantile(double part) const;
  [[nodiscard]] std::uint64_t started() const { return start_seconds_.size(); }

 private:
  using counts = std::map<std::string, std::uint64_t>;

  std::uint64_t tasks_ = 0;
  std::uint64_t touched_ = 0; ///< tasks that met a limit
  counts touched_by_limit_;   ///< tasks
  counts retries_by_cause_;   ///< attempts
  counts failures_by_class_;  ///< tasks
  std::vector<float> queue_seconds_;
  std::vector<float> start_seconds_; ///< of those that got a sandbox
};

/// "a 1, b 2"
[[nodiscard]] std::string counts_text(const std::map<std::string, std::uint64_t>& counts);

} // namespace sandfleet::batch
