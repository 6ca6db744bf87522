#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <memory>
#include <utility>

namespace sandfleet::agent {

/// Lets one coroutine in at a time, in the order in which they asked. For one thread. A waiter that
/// is cancelled or destroyed leaves the queue; a turn that was given to it goes to the next.
class turn_queue : public std::enable_shared_from_this<turn_queue> {
  struct waiter;

 public:
  /// Held by whose turn it is; its destruction gives the turn on.
  class turn {
   public:
    turn() = default;
    explicit turn(std::shared_ptr<turn_queue> queue) : queue_(std::move(queue)) {}
    turn(turn&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)) {}
    turn& operator=(turn&&) = delete;
    ~turn() {
      if (queue_)
        queue_->pass_on();
    }

   private:
    std::shared_ptr<turn_queue> queue_;
  };

  explicit turn_queue(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  boost::asio::awaitable<turn> take();

 private:
  struct waiter {
    explicit waiter(const boost::asio::any_io_executor& executor) : timer(executor) {}
    boost::asio::steady_timer timer;
    turn given;
    bool woken = false;
  };

  void pass_on();

  boost::asio::any_io_executor executor_;
  std::deque<std::weak_ptr<waiter>> waiting_;
  bool taken_ = false;
};

} // namespace sandfleet::agent
