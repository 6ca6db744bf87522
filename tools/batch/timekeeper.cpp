#include "tools/batch/timekeeper.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sandfleet::batch {

timekeeper::time_point system_timekeeper::now() const {
  return std::chrono::steady_clock::now();
}

boost::asio::awaitable<void> system_timekeeper::wait(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  boost::system::error_code ended;
  co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ended));
}

} // namespace sandfleet::batch
