#pragma once

#include "actors/control_plane.hpp"
#include "runtime/engine/access.hpp"
#include "runtime/journal/store.hpp"

#include <sandfleet/engine.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace sandfleet::service {

/// What a job finds in the engine's journal, on the journal's thread, after all that was noted
/// before. Errors: `shutting_down`, and those of the job.
template <class T>
boost::asio::awaitable<result<T>> in_journal(engine& runtime,
                                             std::function<result<T>(journal::store&)> job) {
  namespace asio = boost::asio;
  struct answer {
    explicit answer(const asio::any_io_executor& executor)
        : timer(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer timer;
    std::optional<result<T>> told;
  };
  const auto here = co_await asio::this_coro::executor;
  const auto state = std::make_shared<answer>(here);
  const bool asked =
      engine_detail::access::control_of(runtime).record([state, here, job](journal::store& store) {
        asio::post(here, [state, told = job(store)]() mutable {
          state->told = std::move(told);
          state->timer.cancel();
        });
      });
  if (!asked)
    co_return fail(errc::shutting_down, "the journal is closed");
  while (!state->told) {
    boost::system::error_code ignored;
    co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    const auto asked_of_us = co_await asio::this_coro::cancellation_state;
    if (!state->told && asked_of_us.cancelled() != asio::cancellation_type::none)
      co_return fail(errc::cancelled, "the question was taken back");
  }
  co_return std::move(*state->told);
}

} // namespace sandfleet::service
