#include "runtime/transport/io_pool.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

namespace sandfleet::transport {
namespace {

namespace asio = boost::asio;

asio::awaitable<result<int>> answer(int number) {
  co_return number;
}

asio::awaitable<result<int>> refuse() {
  co_return fail(errc::not_found, "no such thing");
}

asio::awaitable<result<int>> throw_something() {
  throw std::runtime_error("broken");
  co_return 0;
}

/// Ends by cancellation alone. `begun` is set once it waits.
asio::awaitable<result<int>> wait_forever(std::shared_ptr<std::promise<void>> begun = nullptr) {
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           asio::steady_timer::time_point::max());
  if (begun)
    begun->set_value();
  co_await timer.async_wait(asio::use_awaitable);
  co_return 0;
}

/// Where the outcome of an op arrives.
struct arrival {
  std::shared_ptr<std::promise<result<int>>> promise =
      std::make_shared<std::promise<result<int>>>();
  auto done() {
    return [p = promise](result<int> outcome) { p->set_value(std::move(outcome)); };
  }
  result<int> get() { return promise->get_future().get(); }
};

result<int> outcome_of(io_pool& pool, asio::awaitable<result<int>> work) {
  arrival at;
  op::start(pool.executor(), std::move(work), at.done());
  return at.get();
}

TEST(op, hands_over_what_the_work_returns) {
  io_pool pool(2);
  EXPECT_EQ(outcome_of(pool, answer(7)).value(), 7);
  EXPECT_EQ(outcome_of(pool, refuse()).error().code, errc::not_found);
}

TEST(op, turns_an_exception_into_an_internal_error) {
  io_pool pool(1);
  const auto outcome = outcome_of(pool, throw_something());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::internal);
  EXPECT_EQ(outcome.error().cause, "broken");
}

TEST(op, cancel_ends_work_that_waits) {
  io_pool pool(2);
  arrival at;
  auto begun = std::make_shared<std::promise<void>>();
  const auto job = op::start(pool.executor(), wait_forever(begun), at.done());
  begun->get_future().wait();
  job.cancel();
  EXPECT_EQ(at.get().error().code, errc::cancelled);
}

TEST(op, cancel_right_behind_the_start_is_never_lost) {
  io_pool pool(2);
  for (int round = 0; round < 500; ++round) {
    arrival at;
    op::start(pool.executor(), wait_forever(), at.done()).cancel();
    ASSERT_EQ(at.get().error().code, errc::cancelled);
  }
}

TEST(op, cancel_after_the_end_does_nothing) {
  io_pool pool(1);
  arrival at;
  const auto job = op::start(pool.executor(), answer(1), at.done());
  EXPECT_EQ(at.get().value(), 1);
  job.cancel();
  job.cancel();
  EXPECT_EQ(outcome_of(pool, answer(2)).value(), 2);
}

TEST(op, goes_on_when_its_handle_is_dropped) {
  io_pool pool(1);
  arrival at;
  { op::start(pool.executor(), answer(3), at.done()); }
  EXPECT_EQ(at.get().value(), 3);
}

TEST(op, without_work_can_be_cancelled) {
  op().cancel();
}

TEST(run_on, awaits_work_on_another_executor) {
  io_pool home(1);
  io_pool away(1);
  EXPECT_EQ(outcome_of(home, run_on(away.executor(), answer(5))).value(), 5);
  EXPECT_EQ(outcome_of(home, run_on(away.executor(), throw_something())).error().code,
            errc::internal);
}

TEST(run_on, passes_the_callers_cancellation_on) {
  io_pool home(1);
  io_pool away(1);
  for (int round = 0; round < 200; ++round) {
    arrival at;
    auto begun = std::make_shared<std::promise<void>>();
    const auto job =
        op::start(home.executor(), run_on(away.executor(), wait_forever(begun)), at.done());
    begun->get_future().wait();
    job.cancel();
    ASSERT_EQ(at.get().error().code, errc::cancelled);
  }
}

TEST(run_on, cancelled_before_the_work_begins_answers_all_the_same) {
  io_pool home(2);
  io_pool away(2);
  for (int round = 0; round < 500; ++round) {
    arrival at;
    op::start(home.executor(), run_on(away.executor(), wait_forever()), at.done()).cancel();
    ASSERT_EQ(at.get().error().code, errc::cancelled);
  }
}

TEST(io_pool, runs_work_on_all_its_threads) {
  constexpr unsigned threads = 4;
  io_pool pool(threads);
  std::promise<void> all_there;
  auto gate = all_there.get_future().share();
  std::atomic<unsigned> arrived = 0;
  std::promise<void> done;
  std::atomic<unsigned> left = 0;
  // Each task blocks its thread until every other one has got a thread too.
  for (unsigned i = 0; i < threads; ++i)
    asio::post(pool.executor(), [&] {
      if (++arrived == threads)
        all_there.set_value();
      gate.wait();
      if (++left == threads)
        done.set_value();
    });
  done.get_future().wait();
  EXPECT_EQ(arrived, threads);
}

TEST(io_pool, has_at_least_one_thread) {
  io_pool pool(0);
  EXPECT_EQ(outcome_of(pool, answer(1)).value(), 1);
}

TEST(io_pool, can_be_stopped_twice) {
  io_pool pool(1);
  pool.stop();
  pool.stop();
}

TEST(io_pool, stop_waits_for_work_that_is_about_to_end) {
  io_pool pool(1);
  arrival at;
  op::start(pool.executor(), wait_forever(), at.done()).cancel();
  pool.stop();
  EXPECT_EQ(at.get().error().code, errc::cancelled);
}

TEST(io_pool, stop_without_grace_leaves_work_uncompleted) {
  io_pool pool(1);
  arrival at;
  auto begun = std::make_shared<std::promise<void>>();
  op::start(pool.executor(), wait_forever(begun), at.done());
  begun->get_future().wait();
  pool.stop(std::chrono::milliseconds(0));
  auto outcome = at.promise->get_future();
  EXPECT_EQ(outcome.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
}

} // namespace
} // namespace sandfleet::transport
