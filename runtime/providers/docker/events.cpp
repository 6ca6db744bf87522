#include "runtime/providers/docker/events.hpp"

#include "runtime/providers/docker/removals.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;

event_watch::event_watch(const asio::any_io_executor& executor, sandfleet::docker::api engine,
                         std::string label, sandfleet::docker::event_sink on_event,
                         std::function<void(bool)> on_gap)
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
  auto pauses = endless_backoff();
  bool is_first = true;
  bool stands = false;
  bool was_away = false;
  for (;; is_first = false) {
    stands = false;
    auto done = co_await engine_.follow_events(label_, on_event_, [&] {
      stands = true;
      pauses.reset();
      if (!is_first)
        on_gap_(std::exchange(was_away, false));
    });
    if (!done && done.error().code == errc::cancelled)
      co_return done;
    was_away = was_away || !stands;
    asio::steady_timer timer(co_await asio::this_coro::executor,
                             pauses.next_delay(std::chrono::milliseconds{0}).value());
    co_await timer.async_wait(asio::use_awaitable); // a cancellation ends it here
  }
}

} // namespace sandfleet::providers::docker
