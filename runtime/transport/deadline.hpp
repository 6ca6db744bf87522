#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace sandfleet::transport {

/// Calls `act` when the time is over, unless it was destroyed before: never afterwards. For one
/// strand or thread, on which `act` is called too.
class deadline {
 public:
  template <class Act>
  deadline(const boost::asio::any_io_executor& executor, std::chrono::milliseconds after, Act act)
      : state_(std::make_shared<state>()), timer_(executor, after) {
    timer_.async_wait([held = state_, act = std::move(act)](boost::system::error_code ec) mutable {
      if (ec || *held != state::waiting)
        return;
      *held = state::passed;
      act();
    });
  }
  ~deadline() { (void)cancel(); }
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;

  /// Nothing happens from here on. Whether it had passed.
  bool cancel() {
    timer_.cancel();
    return std::exchange(*state_, state::over) == state::passed;
  }

 private:
  enum class state { waiting, passed, over };
  std::shared_ptr<state> state_; ///< outlives us with a handler that is queued already
  boost::asio::steady_timer timer_;
};

} // namespace sandfleet::transport
