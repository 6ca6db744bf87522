#include "runtime/providers/docker/events.hpp"

#include "runtime/core/backoff.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <limits>
#include <random>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;

namespace {

core::backoff_policy without_end() {
  core::backoff_policy policy;
  policy.max_attempts = std::numeric_limits<unsigned>::max();
  policy.max_elapsed = std::chrono::milliseconds::max();
  return policy;
}

} // namespace

event_watch::event_watch(const asio::any_io_executor& executor, sandfleet::docker::api engine,
                         std::string label, sandfleet::docker::event_sink on_event,
                         std::function<void()> on_gap)
    : executor_(executor), engine_(std::move(engine)), label_(std::move(label)),
      on_event_(std::move(on_event)), on_gap_(std::move(on_gap)) {}

void event_watch::begin() {
  work_ = transport::op::start(
      executor_,
      [](std::shared_ptr<event_watch> self) -> asio::awaitable<result<void>> {
        co_return co_await self->follow();
      }(shared_from_this()),
      [](const result<void>&) {});
}

void event_watch::end() {
  work_.cancel();
}

asio::awaitable<result<void>> event_watch::follow() {
  core::backoff pauses(without_end(), std::random_device{}());
  for (;;) {
    auto done = co_await engine_.follow_events(label_, [&](const auto& event) {
      pauses.reset();
      on_event_(event);
    });
    if (!done && done.error().code == errc::cancelled)
      co_return done;
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             pauses.next_delay(std::chrono::milliseconds{0}).value());
    co_await timer.async_wait(asio::use_awaitable); // a cancellation ends it here
    on_gap_();
  }
}

} // namespace sandfleet::providers::docker
