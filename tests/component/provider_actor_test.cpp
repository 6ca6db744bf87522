#include "actors/provider_actor.hpp"
#include "tests/component/support/virtual_world.hpp"

#include <gtest/gtest.h>

namespace sandfleet::actors::testing {
namespace {

using namespace std::chrono_literals;

class provider_actor_test : public ::testing::Test {
 protected:
  provider_actor_test() {
    settings.max_parallel_starts = 2;
    settings.start_retry = {.base = 100ms, .cap = 1000ms, .max_attempts = 3, .max_elapsed = 120s};
    settings.seed = 3;
  }
  ~provider_actor_test() override { front = nullptr; }

  void begin() {
    front = world.keep(world.system.spawn(
        provider, world.keep(world.system.spawn(fake_port, world.port)), settings));
    world.run();
  }

  answer_of<instance_ptr> start(const std::string& id) {
    return world.ask<instance_ptr>(front, start_atom_v, sandbox_id(id), some_spec());
  }
  void cancel(const std::string& id) {
    caf::anon_send(front, cancel_atom_v, sandbox_id(id));
    world.run();
  }
  std::string started() const {
    std::string all;
    for (const auto& id : world.port->started)
      all += id.str() + " ";
    return all;
  }

  virtual_world world;
  actor_settings settings;
  provider_actor front;
};

TEST_F(provider_actor_test, a_start_that_succeeds_answers_the_instance) {
  begin();
  const auto a = start("a");
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a.value()->id, sandbox_id("a"));
}

TEST_F(provider_actor_test,
       the_limit_of_parallel_starts_holds_and_the_queue_is_first_in_first_out) {
  begin();
  world.port->plans.assign(5, {start_plan::hang});
  std::vector<answer_of<instance_ptr>> all;
  for (const auto* id : {"a", "b", "c", "d", "e"})
    all.push_back(start(id));
  EXPECT_EQ(started(), "a b ");
  world.port->finish(sandbox_id("b"));
  world.run();
  EXPECT_EQ(started(), "a b c ");
  world.port->finish(sandbox_id("a"));
  world.port->finish(sandbox_id("c"));
  world.run();
  EXPECT_EQ(started(), "a b c d e ");
  world.port->finish(sandbox_id("d"));
  world.port->finish(sandbox_id("e"));
  world.run();
  EXPECT_EQ(world.port->most_in_flight, 2u);
  for (const auto& one : all)
    EXPECT_TRUE(one.ok());
}

TEST_F(provider_actor_test, infrastructure_failures_are_retried_until_one_succeeds) {
  begin();
  world.port->plans = {{start_plan::fail, infrastructure_error()},
                       {start_plan::fail, infrastructure_error()}};
  const auto a = start("a");
  EXPECT_TRUE(a.pending());
  world.advance(10s);
  EXPECT_TRUE(a.ok());
  EXPECT_EQ(world.port->started.size(), 3u);
}

TEST_F(provider_actor_test, retries_end_at_the_limit_with_the_last_error) {
  begin();
  world.port->plans.assign(10, {start_plan::fail, infrastructure_error()});
  const auto a = start("a");
  world.advance(60s);
  ASSERT_EQ(a.said(), "start_failed");
  EXPECT_EQ(world.port->started.size(), 3u);
  ASSERT_FALSE(a.failure().evidence.empty());
  EXPECT_EQ(a.failure().evidence.back().second, evidence_value{std::int64_t{3}});
}

TEST_F(provider_actor_test, failures_of_class_task_are_never_retried) {
  begin();
  world.port->plans = {{start_plan::fail, task_error()}};
  const auto a = start("a");
  EXPECT_EQ(a.said(), "not_found");
  world.advance(60s);
  EXPECT_EQ(world.port->started.size(), 1u);
}

TEST_F(provider_actor_test, failures_of_class_agent_and_ambiguous_are_never_retried) {
  begin();
  for (const auto blame : {failure_class::agent, failure_class::ambiguous}) {
    world.port->started.clear();
    world.port->plans = {{start_plan::fail, infrastructure_error().blamed_on(blame)}};
    const auto a = start("a");
    EXPECT_EQ(a.said(), "start_failed");
    world.advance(60s);
    EXPECT_EQ(world.port->started.size(), 1u);
  }
}

TEST_F(provider_actor_test, what_a_machine_cannot_do_is_not_tried_again) {
  begin();
  world.port->plans = {
      {start_plan::fail,
       make_error(errc::unsupported, "no namespaces").blamed_on(failure_class::infrastructure)}};
  const auto a = start("a");
  EXPECT_EQ(a.said(), "unsupported");
  world.advance(60s);
  EXPECT_EQ(world.port->started.size(), 1u);
}

TEST_F(provider_actor_test, a_start_that_backs_off_leaves_its_slot_to_others) {
  settings.max_parallel_starts = 1;
  settings.start_retry.base = 60'000ms;
  settings.start_retry.cap = 60'000ms;
  begin();
  world.port->plans = {{start_plan::fail, infrastructure_error()}};
  const auto a = start("a");
  const auto b = start("b");
  EXPECT_TRUE(a.pending());
  EXPECT_TRUE(b.ok());
  world.advance(120s);
  EXPECT_TRUE(a.ok());
}

TEST_F(provider_actor_test, a_cancelled_start_in_the_queue_is_answered_at_once_and_never_begun) {
  begin();
  world.port->plans.assign(2, {start_plan::hang});
  start("a");
  start("b");
  const auto c = start("c");
  cancel("c");
  EXPECT_EQ(c.said(), "cancelled");
  world.port->finish(sandbox_id("a"));
  world.run();
  EXPECT_EQ(started(), "a b ");
}

TEST_F(provider_actor_test, a_cancelled_start_in_flight_is_answered_when_the_provider_let_go) {
  begin();
  world.port->plans = {{start_plan::hang}};
  const auto a = start("a");
  cancel("a");
  EXPECT_EQ(a.said(), "cancelled");
  EXPECT_EQ(world.port->cancelled.size(), 1u);
  EXPECT_EQ(world.port->in_flight, 0u);
}

TEST_F(provider_actor_test, a_cancelled_start_that_backs_off_is_not_tried_again) {
  begin();
  world.port->plans.assign(10, {start_plan::fail, infrastructure_error()});
  const auto a = start("a");
  cancel("a");
  EXPECT_EQ(a.said(), "cancelled");
  world.advance(60s);
  EXPECT_EQ(world.port->started.size(), 1u);
}

TEST_F(provider_actor_test, a_start_that_hangs_is_cancelled_at_its_limit_and_tried_again) {
  begin();
  world.port->plans = {{start_plan::hang}};
  const auto a = start("a");
  world.advance(59s);
  EXPECT_TRUE(a.pending());
  EXPECT_TRUE(world.port->cancelled.empty());
  world.advance(30s);
  EXPECT_EQ(world.port->cancelled.size(), 1u);
  EXPECT_TRUE(a.ok());
  EXPECT_EQ(world.port->started.size(), 2u);
}

TEST_F(provider_actor_test, a_provider_that_does_not_let_go_is_given_up_without_a_second_try) {
  begin();
  world.port->plans = {{start_plan::hang}};
  world.port->obeys_cancel = false;
  const auto a = start("a");
  world.advance(120s);
  EXPECT_EQ(a.said(), "timed_out");
  EXPECT_EQ(a.failure().blame, failure_class::ambiguous);
  EXPECT_EQ(world.port->started.size(), 1u);
}

TEST_F(provider_actor_test, starting_one_id_twice_at_a_time_is_refused) {
  begin();
  world.port->plans = {{start_plan::hang}};
  start("a");
  EXPECT_EQ(start("a").said(), "already_exists");
}

TEST_F(provider_actor_test, when_it_dies_everybody_is_answered) {
  begin();
  world.port->plans.assign(2, {start_plan::hang});
  const auto a = start("a");
  const auto b = start("b");
  const auto queued = start("c");
  world.kill(front);
  for (const auto& one : {a, b, queued}) {
    ASSERT_FALSE(one.pending());
    EXPECT_EQ(one.origin(), failure_origin::down);
  }
}

TEST_F(provider_actor_test, an_answered_request_leaves_no_timer_behind) {
  begin();
  ASSERT_TRUE(start("a").ok());
  // What is left belongs to the test's own request, and its actor has ended.
  EXPECT_TRUE(world.schedule.clock().schedule().empty());
}

} // namespace
} // namespace sandfleet::actors::testing
