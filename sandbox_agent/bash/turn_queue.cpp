#include "sandbox_agent/bash/turn_queue.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sandfleet::agent {

boost::asio::awaitable<turn_queue::turn> turn_queue::take() {
  const auto self = shared_from_this();
  if (!taken_) {
    taken_ = true;
    co_return turn(self);
  }
  const auto mine = std::make_shared<waiter>(executor_);
  mine->timer.expires_at(boost::asio::steady_timer::time_point::max());
  waiting_.push_back(mine);
  while (!mine->woken)
    co_await mine->timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  co_return std::move(mine->given);
}

void turn_queue::pass_on() {
  while (!waiting_.empty()) {
    const auto next = waiting_.front().lock();
    waiting_.pop_front();
    if (!next)
      continue;
    // The turn is the waiter's before it runs: should it never run, its destruction passes it on.
    new (&next->given) turn(shared_from_this());
    next->woken = true;
    next->timer.cancel();
    return;
  }
  taken_ = false;
}

} // namespace sandfleet::agent
