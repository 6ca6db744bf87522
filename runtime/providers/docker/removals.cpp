#include "runtime/providers/docker/removals.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <limits>
#include <random>
#include <utility>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;

core::backoff endless_backoff() {
  core::backoff_policy policy;
  policy.max_attempts = std::numeric_limits<unsigned>::max();
  policy.max_elapsed = std::chrono::milliseconds::max();
  return core::backoff(policy, std::random_device{}());
}

removals::removals(const asio::any_io_executor& executor)
    : strand_(asio::make_strand(executor)), pause_(strand_) {}

removals::item_map removals::all() const {
  const std::lock_guard lock(mutex_);
  return items_;
}

std::shared_ptr<removals::item> removals::find(const sandbox_id& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(id);
  return found == items_.end() ? nullptr : found->second;
}

void removals::add(sandbox_id id, removal remove) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_)
      return;
    items_[std::move(id)] = std::make_shared<item>(item{std::move(remove), 0, {}});
  }
  asio::post(strand_, [self = shared_from_this()] {
    if (!std::exchange(self->works_, true))
      self->job_ = transport::op::start(self->strand_, self->work(), [](const result<void>&) {});
  });
}

void removals::ring() {
  for (auto* timer : waiting_)
    timer->cancel();
}

asio::awaitable<result<void>> removals::work() {
  const auto self = shared_from_this();
  auto pauses = endless_backoff();
  for (auto now = all(); !now.empty(); now = all()) {
    if (!std::exchange(hurries_, false)) {
      pause_.expires_after(pauses.next_delay(std::chrono::milliseconds{0}).value());
      (void)co_await pause_.async_wait(asio::as_tuple(asio::use_awaitable));
      hurries_ = false;
    }
    for (const auto& [id, one] : now) {
      if (find(id) != one)
        continue;
      auto done = co_await one->remove();
      ++one->attempts;
      if (!done)
        one->failure = std::move(done.error());
      else if (const std::lock_guard lock(mutex_); items_.contains(id) && items_[id] == one)
        items_.erase(id);
      ring();
    }
  }
  works_ = false;
  co_return result<void>{};
}

asio::awaitable<result<void>> removals::settle(sandbox_id id) {
  const auto self = shared_from_this();
  co_return co_await transport::run_on(strand_, wait(std::move(id)));
}

asio::awaitable<result<void>> removals::wait(sandbox_id id) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto one = find(id);
  if (!one)
    co_return result<void>{};
  const auto before = one->attempts;
  hurries_ = true;
  pause_.cancel();
  asio::steady_timer timer(strand_, asio::steady_timer::time_point::max());
  waiting_.push_back(&timer);
  bool cancelled = false;
  while (one->attempts == before && !cancelled && find(id) == one) {
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto state = co_await asio::this_coro::cancellation_state;
    cancelled = state.cancelled() != asio::cancellation_type::none;
  }
  std::erase(waiting_, &timer);
  if (find(id) != one)
    co_return result<void>{};
  if (one->attempts != before)
    co_return fail(one->failure);
  co_return fail(errc::cancelled, "the removal of what an earlier attempt left was not waited for");
}

void removals::hurry() {
  asio::post(strand_, [self = shared_from_this()] {
    self->hurries_ = self->works_;
    self->pause_.cancel();
  });
}

void removals::close() {
  item_map forgotten;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    forgotten.swap(items_);
  }
  asio::post(strand_, [self = shared_from_this()] {
    self->pause_.cancel();
    self->ring();
  });
}

} // namespace sandfleet::providers::docker
