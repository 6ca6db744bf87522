#include "runtime/providers/docker/outage.hpp"

#include "runtime/core/backoff.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <limits>
#include <random>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;

namespace {

core::backoff short_pauses() {
  core::backoff_policy policy;
  policy.base = std::chrono::milliseconds{50};
  policy.cap = std::chrono::milliseconds{1000};
  policy.max_attempts = std::numeric_limits<unsigned>::max();
  policy.max_elapsed = std::chrono::milliseconds::max();
  return core::backoff(policy, std::random_device{}());
}

} // namespace

bool may_be_outage(const error& failure) {
  return failure.code == errc::connection_failed && failure.blame == failure_class::infrastructure;
}

asio::awaitable<result<void>> await_engine(sandfleet::docker::api engine,
                                           clock::time_point deadline) {
  co_await asio::this_coro::throw_if_cancelled(false);
  auto pauses = short_pauses();
  for (;;) {
    const bool answers = co_await engine.answers();
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      co_return fail(errc::cancelled, "the wait for the Docker engine was cancelled");
    if (answers)
      co_return result<void>{};
    const auto now = clock::now();
    if (now >= deadline)
      co_return fail(errc::timed_out, "the Docker engine did not come back in time");
    const auto pause = pauses.next_delay(std::chrono::milliseconds{0}).value();
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             std::min<clock::time_point>(deadline, now + pause));
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

} // namespace sandfleet::providers::docker
