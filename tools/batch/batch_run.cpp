#include "tools/batch/batch_run.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace sandfleet::batch {

namespace asio = boost::asio;

batch_run::batch_run(task_runner& runner, task_supply next, result_sink keep)
    : runner_(runner), next_(std::move(next)), keep_(std::move(keep)) {}

batch_run::~batch_run() = default;

asio::awaitable<void> batch_run::work() {
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!draining_) {
    auto next = next_();
    if (!next) {
      fail_with(std::move(next.error()), false);
      co_return;
    }
    if (!*next)
      co_return;
    ++running_;
    auto done = co_await runner_.run(std::move(**next));
    --running_;
    if (!done)
      co_return;
    if (auto kept = keep_(*done); !kept)
      fail_with(std::move(kept.error()), true);
  }
}

void batch_run::fail_with(error failure, bool kill_all) {
  if (!failure_)
    failure_ = std::move(failure);
  if (kill_all)
    kill();
  else
    drain();
}

void batch_run::kill() {
  drain();
  runner_.give_up();
  for (auto& signal : signals_)
    signal.emit(asio::cancellation_type::all);
}

void batch_run::worker_ended(const std::exception_ptr& thrown) {
  if (thrown) {
    auto failure = make_error(errc::internal, "running a task threw an exception");
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& what) {
      failure.cause = what.what();
    }
    fail_with(std::move(failure), true);
  }
  if (--workers_ == 0)
    all_ended_();
}

asio::awaitable<result<void>> batch_run::run(std::size_t concurrency) {
  const auto executor = co_await asio::this_coro::executor;
  // Never expires: it is cancelled when the last worker ends.
  asio::steady_timer ended(executor, asio::steady_timer::time_point::max());
  all_ended_ = [&ended] { ended.cancel(); };
  workers_ = concurrency;
  for (std::size_t i = 0; i < concurrency; ++i) {
    auto& signal = signals_.emplace_back();
    asio::co_spawn(
        executor, work(),
        asio::bind_cancellation_slot(
            signal.slot(), [this](const std::exception_ptr& thrown) { worker_ended(thrown); }));
  }
  // The workers are only posted yet, or have all ended: then there is nothing to wait for.
  boost::system::error_code cancelled;
  if (workers_ > 0)
    co_await ended.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (failure_)
    co_return tl::unexpected(std::move(*failure_));
  co_return result<void>();
}

} // namespace sandfleet::batch
