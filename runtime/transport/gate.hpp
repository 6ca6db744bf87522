#pragma once

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>

namespace sandfleet::transport {

/// Where somebody stands until he is let through. Thread-safe.
class gate : public std::enable_shared_from_this<gate> {
 public:
  explicit gate(const boost::asio::any_io_executor& executor);

  /// Lets one through: who waits, or else the next.
  void open();
  /// Completes when it has been opened; `cancelled` when it is waited for no more.
  boost::asio::awaitable<result<void>> pass();

 private:
  boost::asio::awaitable<result<void>> wait();

  boost::asio::any_io_executor strand_;
  boost::asio::steady_timer opened_;
  bool is_open_ = false;
};

} // namespace sandfleet::transport
