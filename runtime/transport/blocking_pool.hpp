#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

namespace sandfleet::transport {

/// Threads for work that blocks, so that those of an executor need not. They are made when the
/// first such work comes. Thread-safe.
class blocking_pool {
 public:
  explicit blocking_pool(std::size_t threads) : threads_(threads) {}
  ~blocking_pool() { close(); }
  blocking_pool(const blocking_pool&) = delete;
  blocking_pool& operator=(const blocking_pool&) = delete;

  /// Completes, on the caller's executor, when one of the threads has done `work()`, which does not
  /// throw. It cannot be cancelled. After `close` it is done right here.
  template <class Work>
  auto run(Work work) -> boost::asio::awaitable<decltype(work())> {
    auto place = take_place();
    if (!place)
      co_return work();
    const auto executor = pool_->get_executor();
    auto job = run_in(std::move(*place), std::move(work));
    co_return co_await boost::asio::co_spawn(executor, std::move(job), boost::asio::use_awaitable);
  }

  /// Waits until all that was begun has been done. Must not be called on one of the threads.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    if (pool_)
      pool_->join();
  }

 private:
  /// Keeps `close` waiting from before the work is handed over until it is done.
  using place_type =
      decltype(boost::asio::require(std::declval<boost::asio::thread_pool::executor_type>(),
                                    boost::asio::execution::outstanding_work.tracked));

  std::optional<place_type> take_place() {
    const std::lock_guard lock(mutex_);
    if (closed_)
      return std::nullopt;
    if (!pool_)
      pool_.emplace(threads_);
    return boost::asio::require(pool_->get_executor(),
                                boost::asio::execution::outstanding_work.tracked);
  }

  template <class Work>
  static auto run_in(place_type /*held while it runs*/, Work work)
      -> boost::asio::awaitable<decltype(work())> {
    co_return work();
  }

  std::size_t threads_;
  std::mutex mutex_;
  bool closed_ = false;
  std::optional<boost::asio::thread_pool> pool_;
};

} // namespace sandfleet::transport
