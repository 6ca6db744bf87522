#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <memory>

namespace sandfleet::transport {

/// Threads that run an Asio context.
class io_pool {
 public:
  explicit io_pool(unsigned threads);

  /// Stops as `stop` does, without grace.
  ~io_pool();
  io_pool(const io_pool&) = delete;
  io_pool& operator=(const io_pool&) = delete;

  [[nodiscard]] boost::asio::any_io_executor executor() const;

  /// Waits until all work has ended, at most for `grace`; what is left then never completes. Joins
  /// the threads; must not be called on one of them. Idempotent.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds{5'000});

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet::transport
