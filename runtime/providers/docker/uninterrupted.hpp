#pragma once

#include <sandfleet/error.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace sandfleet::providers::docker {

/// Whoever waits for it may be cancelled; the work itself is not: an engine that is not listened to
/// does what it was asked all the same.
template <class T>
boost::asio::awaitable<result<T>> uninterrupted(boost::asio::awaitable<result<T>> work) {
  const auto executor = co_await boost::asio::this_coro::executor;
  co_return co_await boost::asio::co_spawn(
      executor, std::move(work),
      boost::asio::bind_cancellation_slot(boost::asio::cancellation_slot(),
                                          boost::asio::use_awaitable));
}

} // namespace sandfleet::providers::docker
