#include "actors/control_plane.hpp"
#include "runtime/transport/io_pool.hpp"
#include "runtime/transport/op.hpp"
#include "tests/component/support/fake_provider.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace sandfleet::actors::testing {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

const session_name session("default");

std::shared_ptr<const sandbox_spec> spec() {
  sandbox_spec made;
  made.provider = provider_name("fake");
  return std::make_shared<const sandbox_spec>(std::move(made));
}

asio::awaitable<result<void>> always_alive(transport::http_base, std::chrono::milliseconds) {
  co_return result<void>{};
}

class control_plane_test : public ::testing::Test {
 protected:
  control_plane_test() {
    settings.max_parallel_starts = 8;
    settings.start_retry = {.base = 1ms, .cap = 5ms, .max_attempts = 3, .max_elapsed = 10s};
    settings.health_interval = 0ms;
    settings.stop_grace = 5s;
  }

  void begin() {
    plane.emplace(settings, std::vector<std::shared_ptr<providers::provider>>{provider},
                  pool.executor(), always_alive, [this](const status_event& event) {
                    if (observer)
                      observer(event);
                  });
  }

  template <class T>
  auto wait(asio::awaitable<T> work) {
    return asio::co_spawn(pool.executor(), std::move(work), asio::use_future).get();
  }

  transport::io_pool pool{2}; // the provider's timers belong to it
  std::shared_ptr<fake_provider> provider = std::make_shared<fake_provider>();
  control_settings settings;
  status_observer observer;
  std::optional<control_plane> plane;
};

TEST_F(control_plane_test, starts_takes_turns_and_stops) {
  begin();
  const sandbox_id id("sb-1");
  const auto made = wait(plane->start_sandbox(id, spec()));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->link->state(), sandbox_state::ready);
  EXPECT_TRUE(wait(plane->take_turn(id, session, 1s)));
  ASSERT_TRUE(wait(plane->stop_sandbox(id)));
  EXPECT_TRUE(wait(plane->stop_sandbox(id)));
  EXPECT_EQ(wait(plane->take_turn(id, session, 1s)).error().code, errc::sandbox_lost);
  EXPECT_EQ(wait(plane->stop_sandbox(sandbox_id("no"))).error().code, errc::not_found);
  EXPECT_EQ(provider->alive(), 0u);
}

TEST_F(control_plane_test, attaches_keeps_lists_and_lets_go) {
  provider->knows_others = true;
  begin();
  const sandbox_id other("sb-other");
  const sandbox_id own("sb-own");
  const auto made = wait(plane->attach_sandbox(other, {}));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->link->state(), sandbox_state::ready);
  ASSERT_TRUE(wait(plane->start_sandbox(own, spec())));
  ASSERT_TRUE(wait(plane->keep_sandbox(own, 1s)));
  EXPECT_EQ(wait(plane->list_sandboxes()).value().size(), 2u);
  ASSERT_TRUE(wait(plane->detach_sandbox(other)));
  EXPECT_EQ(wait(plane->detach_sandbox(other)).error().code, errc::not_found);
  plane.reset();
  EXPECT_EQ(provider->alive(), 2u);
  EXPECT_EQ(provider->releases, 2);
}

TEST_F(control_plane_test, completes_on_the_callers_executor) {
  begin();
  asio::io_context mine;
  std::thread::id where;
  asio::co_spawn(
      mine,
      [](control_plane& p, std::thread::id& at) -> asio::awaitable<void> {
        (void)co_await p.start_sandbox(sandbox_id("sb-1"), spec());
        at = std::this_thread::get_id();
      }(*plane, where),
      asio::use_future);
  mine.run(); // returns only when the answer has come
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST_F(control_plane_test, a_cancelled_start_takes_away_what_it_began) {
  provider->hangs = true;
  begin();
  std::promise<void> begun;
  observer = [&](const status_event& event) {
    if (event.to == sandbox_state::starting_runtime)
      begun.set_value();
  };
  std::promise<result<ready_sandbox>> outcome;
  const auto job =
      transport::op::start(pool.executor(), plane->start_sandbox(sandbox_id("sb-1"), spec()),
                           [&](result<ready_sandbox> got) { outcome.set_value(std::move(got)); });
  begun.get_future().wait();
  job.cancel();
  const auto got = outcome.get_future().get();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::cancelled);
  EXPECT_EQ(provider->alive(), 0u);
}

TEST_F(control_plane_test, a_start_tells_that_an_image_is_built_first) {
  provider->builds = true;
  begin();
  // It hears of the end too, when the test is over.
  const auto mutex = std::make_shared<std::mutex>();
  const auto states = std::make_shared<std::vector<sandbox_state>>();
  observer = [mutex, states](const status_event& event) {
    const std::lock_guard lock(*mutex);
    states->push_back(event.to);
  };
  ASSERT_TRUE(wait(plane->start_sandbox(sandbox_id("sb-1"), spec())));
  const std::lock_guard lock(*mutex);
  using s = sandbox_state;
  EXPECT_EQ(*states, (std::vector<s>{s::starting_runtime, s::building_runtime, s::starting_runtime,
                                     s::runtime_started, s::ready}));
}

TEST_F(control_plane_test, a_cancelled_wait_for_a_turn_lets_the_next_one_in) {
  begin();
  const sandbox_id id("sb-1");
  ASSERT_TRUE(wait(plane->start_sandbox(id, spec())));
  std::optional held = wait(plane->take_turn(id, session, 1s));
  ASSERT_TRUE(*held);
  std::promise<result<turn>> first;
  const auto job = transport::op::start(pool.executor(), plane->take_turn(id, session, 1h),
                                        [&](result<turn> got) { first.set_value(std::move(got)); });
  std::promise<result<turn>> second;
  transport::op::start(pool.executor(), plane->take_turn(id, session, 1h),
                       [&](result<turn> got) { second.set_value(std::move(got)); });
  job.cancel();
  EXPECT_EQ(first.get_future().get().error().code, errc::cancelled);
  held.reset();
  EXPECT_TRUE(second.get_future().get());
}

TEST_F(control_plane_test, a_turn_times_out) {
  begin();
  const sandbox_id id("sb-1");
  ASSERT_TRUE(wait(plane->start_sandbox(id, spec())));
  const auto held = wait(plane->take_turn(id, session, 1s));
  EXPECT_EQ(wait(plane->take_turn(id, session, 10ms)).error().code, errc::timed_out);
}

TEST_F(control_plane_test, an_unexpected_end_reaches_those_who_report_and_those_who_wait) {
  begin();
  const sandbox_id id("sb-1");
  ASSERT_TRUE(wait(plane->start_sandbox(id, spec())));
  const auto held = wait(plane->take_turn(id, session, 1s));
  auto waiting =
      asio::co_spawn(pool.executor(), plane->take_turn(id, session, 1h), asio::use_future);
  providers::exit_report report;
  report.signal = 9;
  report.usage.oom_kills = 1;
  provider->end(id, report);
  EXPECT_EQ(waiting.get().error().code, errc::out_of_memory);
  const auto verdict =
      wait(plane->report_failure(id, 1, make_error(errc::connection_failed, "reset")));
  EXPECT_EQ(verdict.error().code, errc::out_of_memory);
}

TEST_F(control_plane_test, an_observer_that_throws_harms_nothing) {
  observer = [](const status_event&) { throw std::runtime_error("not today"); };
  begin();
  EXPECT_TRUE(wait(plane->start_sandbox(sandbox_id("sb-1"), spec())));
}

TEST_F(control_plane_test, shutdown_stops_all_and_later_calls_say_so) {
  begin();
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(wait(plane->start_sandbox(sandbox_id("sb-" + std::to_string(i)), spec())));
  EXPECT_TRUE(wait(plane->shutdown()));
  EXPECT_EQ(provider->alive(), 0u);
  EXPECT_TRUE(wait(plane->shutdown()));
  EXPECT_EQ(wait(plane->start_sandbox(sandbox_id("late"), spec())).error().code,
            errc::shutting_down);
  EXPECT_EQ(wait(plane->stop_sandbox(sandbox_id("sb-1"))).error().code, errc::shutting_down);
}

TEST_F(control_plane_test, destruction_without_shutdown_stops_all_and_answers_everybody) {
  begin();
  const sandbox_id id("sb-1");
  ASSERT_TRUE(wait(plane->start_sandbox(id, spec())));
  auto held = wait(plane->take_turn(id, session, 1s));
  auto waiting =
      asio::co_spawn(pool.executor(), plane->take_turn(id, session, 1h), asio::use_future);
  provider->hangs = true;
  auto starting = asio::co_spawn(pool.executor(), plane->start_sandbox(sandbox_id("sb-2"), spec()),
                                 asio::use_future);
  auto unused = plane->stop_sandbox(sandbox_id("sb-3")); // begins after the end
  plane.reset();
  EXPECT_FALSE(waiting.get());
  EXPECT_FALSE(starting.get());
  EXPECT_EQ(wait(std::move(unused)).error().code, errc::shutting_down);
  EXPECT_EQ(provider->alive(), 0u);
}

TEST_F(control_plane_test, destruction_is_bounded_when_a_provider_hangs) {
  settings.stop_grace = 50ms;
  provider->stop_hangs = true;
  begin();
  ASSERT_TRUE(wait(plane->start_sandbox(sandbox_id("sb-1"), spec())));
  auto stopping =
      asio::co_spawn(pool.executor(), plane->stop_sandbox(sandbox_id("sb-1")), asio::use_future);
  plane.reset();
  EXPECT_FALSE(stopping.get());
}

/// One caller among many: starts, perhaps takes a turn, perhaps reports a failure, stops.
asio::awaitable<result<void>> live(control_plane& plane, sandbox_id id, unsigned dice) {
  auto made = co_await plane.start_sandbox(id, spec());
  if (!made)
    co_return fail(made.error());
  if (dice % 2 == 0)
    (void)co_await plane.take_turn(id, session, 1s);
  if (dice % 5 == 0)
    (void)co_await plane.report_failure(id, 1, make_error(errc::connection_failed, "reset"));
  auto gone = co_await plane.stop_sandbox(id);
  if (!gone)
    co_return fail(gone.error());
  co_return result<void>{};
}

TEST_F(control_plane_test,
       two_thousand_sandboxes_with_random_cancels_and_failures_are_all_answered) {
  constexpr int count = 2'000;
  settings.max_parallel_starts = 16;
  begin();
  std::minstd_rand random(42);
  std::latch answered(count);
  std::atomic<int> good{0};
  std::atomic<int> unexpected{0};
  std::vector<transport::op> jobs;
  for (int i = 0; i < count; ++i) {
    if (random() % 10 == 0)
      provider->failures_to_come += 1;
    const auto dice = static_cast<unsigned>(random());
    jobs.push_back(transport::op::start(
        pool.executor(), live(*plane, sandbox_id("sb-" + std::to_string(i)), dice),
        [&](result<void> got) {
          if (got)
            ++good;
          else if (got.error().code != errc::cancelled && got.error().code != errc::start_failed)
            ++unexpected;
          answered.count_down();
        }));
    if (random() % 4 == 0)
      jobs[random() % jobs.size()].cancel();
  }
  answered.wait();
  EXPECT_EQ(unexpected, 0);
  EXPECT_GT(good, count / 2);
  EXPECT_TRUE(wait(plane->shutdown()));
  EXPECT_EQ(provider->alive(), 0u);
}

TEST_F(control_plane_test, under_contention_one_caller_at_a_time_has_the_turn_and_all_get_it) {
  begin();
  const sandbox_id id("sb-1");
  ASSERT_TRUE(wait(plane->start_sandbox(id, spec())));
  constexpr int callers = 16;
  constexpr int rounds = 200;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> taken{0};
  std::latch done(callers);
  for (int c = 0; c < callers; ++c)
    transport::op::start(
        pool.executor(),
        [](control_plane& p, sandbox_id box, std::atomic<int>& in, std::atomic<int>& peak,
           std::atomic<int>& sum) -> asio::awaitable<result<void>> {
          for (int r = 0; r < rounds; ++r) {
            auto mine = co_await p.take_turn(box, session, 1h);
            if (!mine)
              co_return fail(mine.error());
            peak = std::max(peak.load(), ++in);
            co_await asio::post(asio::use_awaitable);
            ++sum;
            --in;
          }
          co_return result<void>{};
        }(*plane, id, inside, most, taken),
        [&](const result<void>&) { done.count_down(); });
  done.wait();
  EXPECT_EQ(taken, callers * rounds);
  EXPECT_EQ(most, 1);
}

} // namespace
} // namespace sandfleet::actors::testing
