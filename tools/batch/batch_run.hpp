#pragma once

#include "tools/batch/task.hpp"
#include "tools/batch/task_result.hpp"
#include "tools/batch/task_runner.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>

namespace sandfleet::batch {

/// Runs the tasks of a batch, so many at once. Tasks are taken one at a time when a place is free:
/// no more of them are in memory than run. Everything happens on the executor of `run`, which has
/// one thread.
class batch_run {
 public:
  /// The next task, or nothing at the end.
  using task_supply = std::function<result<std::optional<task>>()>;
  /// Keeps a result.
  using result_sink = std::function<result<void>(const task_result&)>;

  batch_run(task_runner& runner, task_supply next, result_sink keep);
  ~batch_run();

  /// Completes when nothing runs any more. An error of supply or sink ends the batch: the first one
  /// is returned; what runs is killed when its result could not be kept anyway.
  boost::asio::awaitable<result<void>> run(std::size_t concurrency);

  /// Starts no more tasks; those that run go on to their ends.
  void drain() { draining_ = true; }
  /// Ends those that run, without results.
  void kill();

  [[nodiscard]] std::size_t running() const { return running_; }

 private:
  boost::asio::awaitable<void> work();
  void fail_with(error failure, bool kill_all);
  void worker_ended(const std::exception_ptr& thrown);

  task_runner& runner_;
  task_supply next_;
  result_sink keep_;
  std::optional<error> failure_;
  bool draining_ = false;
  std::size_t running_ = 0; ///< tasks
  std::size_t workers_ = 0;
  std::list<boost::asio::cancellation_signal> signals_; ///< one a worker
  std::function<void()> all_ended_;
};

} // namespace sandfleet::batch
