#pragma once

#include "tools/batch/sandbox_source.hpp"
#include "tools/batch/task.hpp"
#include "tools/batch/task_result.hpp"
#include "tools/batch/timekeeper.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace sandfleet::batch {

/// What holds for every task of a batch.
struct runner_options {
  sandbox_spec base;           ///< what a sandbox gets where the task says nothing
  std::string directory = "."; ///< where relative host paths begin
  std::uint64_t seed = 0;      ///< of the waits between attempts
};

/// Runs one task from start to result, with a fresh sandbox for each attempt. An attempt that the
/// infrastructure failed is made again, at most `task::retries` times; no other is.
class task_runner {
 public:
  /// The references must outlive the runner, and the runner its coroutines.
  task_runner(sandbox_source& source, timekeeper& time, runner_options options);

  /// Nothing when `give_up` was called before the task had ended; its sandbox is stopped then, too.
  boost::asio::awaitable<std::optional<task_result>> run(task work);

  /// Every `run` is to end without a result. Called on the executor of the runs, and before their
  /// cancellation signals are emitted: those only interrupt the waiting.
  void give_up() { given_up_ = true; }

 private:
  struct attempt;
  boost::asio::awaitable<void> make_attempt(const task& work, attempt& made);
  void report(const task& work, attempt&& made, task_result& out);

  sandbox_source& source_;
  timekeeper& time_;
  runner_options options_;
  timekeeper::time_point began_;
  std::uint64_t runs_ = 0;
  bool given_up_ = false;
};

/// What `work` makes of the specification that holds for all.
[[nodiscard]] sandbox_spec spec_of(const sandbox_spec& base, const task& work);

} // namespace sandfleet::batch
