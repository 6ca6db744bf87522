#include "runtime/transport/io_pool.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace sandfleet::transport {

struct io_pool::impl {
  explicit impl(unsigned count) : context(static_cast<int>(count)), running(count) {
    for (unsigned i = 0; i < count; ++i)
      threads.emplace_back([this] {
        context.run();
        const std::lock_guard lock(mutex);
        --running;
        ended.notify_all();
      });
  }

  boost::asio::io_context context;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard =
      boost::asio::make_work_guard(context);
  std::mutex mutex;
  std::condition_variable ended;
  unsigned running;
  std::vector<std::thread> threads;
};

io_pool::io_pool(unsigned threads) : impl_(std::make_unique<impl>(std::max(threads, 1U))) {}

io_pool::~io_pool() {
  stop(std::chrono::milliseconds::zero());
}

boost::asio::any_io_executor io_pool::executor() const {
  return impl_->context.get_executor();
}

void io_pool::stop(std::chrono::milliseconds grace) {
  impl_->guard.reset();
  {
    std::unique_lock lock(impl_->mutex);
    impl_->ended.wait_for(lock, grace, [this] { return impl_->running == 0; });
  }
  impl_->context.stop();
  for (auto& thread : impl_->threads)
    if (thread.joinable())
      thread.join();
}

} // namespace sandfleet::transport
