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
    answer_of<instance_ptr> got;
    world.spawn([this, got, id](caf::event_based_actor* self) {
      self->request(front, std::chrono::minutes(600), start_atom_v, sandbox_id(id), some_spec())
          .then(
              [self, got](const instance_ptr& made) {
                got.set(made);
                self->quit();
              },
              [self, got](caf::error& e) {
                got.set(tl::unexpected(from_caf(e)));
                self->quit();
              });
      self->become([this](building_atom, const sandbox_id& which, bool is) {
        built += which.str() + (is ? "+ " : "- ");
      });
    });
    world.run();
    return got;
  }
  void cancel(const std::string& id) {
    caf::anon_send(front, cancel_atom_v, sandbox_id(id));
    world.run();
  }
  /// The start merely waits from now on.
  void prepares(const std::string& id, bool builds = false) {
    caf::anon_send(front, preparing_atom_v, sandbox_id(id), builds);
    world.run();
  }
  void is_prepared(const std::string& id) {
    caf::anon_send(front, prepared_atom_v, sandbox_id(id));
    world.run();
  }
  void finish(const std::string& id, std::optional<error> failure = {}) {
    world.port->finish(sandbox_id(id), std::move(failure));
    world.run();
  }
  static std::string names(const std::vector<sandbox_id>& ids) {
    std::string all;
    for (const auto& id : ids)
      all += id.str() + " ";
    return all;
  }
  std::string started() const { return names(world.port->started); }
  std::string proceeded() const { return names(world.port->proceeded); }

  virtual_world world;
  actor_settings settings;
  provider_actor front;
  std::string built; ///< what who asks for starts is told
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

TEST_F(provider_actor_test, what_the_provider_has_waited_for_is_not_tried_again) {
  begin();
  world.port->plans = {
      {start_plan::fail, infrastructure_error().with("waited_ms", std::int64_t{60'000})}};
  EXPECT_EQ(start("a").said(), "start_failed");
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

TEST_F(provider_actor_test, a_start_that_waits_for_an_image_leaves_its_place_to_others) {
  settings.max_parallel_starts = 1;
  begin();
  world.port->plans.assign(4, {start_plan::hang});
  const auto a = start("a");
  const auto b = start("b");
  const auto c = start("c");
  EXPECT_EQ(started(), "a ");
  prepares("a");
  prepares("a", true); // what was pulled is built upon
  EXPECT_EQ(started(), "a b ");
  // The place is another's meanwhile: it comes before the queue, and waits for that one.
  EXPECT_EQ(built, "a+ ");
  is_prepared("a");
  EXPECT_EQ(built, "a+ a- ");
  EXPECT_EQ(proceeded(), "");
  finish("b");
  EXPECT_EQ(proceeded(), "a ");
  EXPECT_EQ(started(), "a b ");
  finish("a");
  EXPECT_EQ(started(), "a b c ");
  finish("c");
  EXPECT_TRUE(a.ok() && b.ok() && c.ok());
}

TEST_F(provider_actor_test, a_start_that_has_its_image_goes_on_at_once_where_there_is_room) {
  settings.max_parallel_starts = 1;
  begin();
  world.port->plans.assign(1, {start_plan::hang});
  start("a");
  prepares("a");
  is_prepared("a");
  is_prepared("a"); // said twice, it is counted once, and never left standing
  EXPECT_EQ(proceeded(), "a a ");
  EXPECT_TRUE(start("b").pending());
  EXPECT_EQ(started(), "a ");
}

/// However an attempt ends that waited, the number of places is what it was.
TEST_F(provider_actor_test, places_are_neither_lost_nor_made_by_waiting_for_images) {
  settings.max_parallel_starts = 1;
  begin();
  const auto expect_one_place = [this](const std::string& after) {
    world.port->plans.assign(2, {start_plan::hang});
    world.port->started.clear();
    const auto first = start(after + "1");
    const auto second = start(after + "2");
    EXPECT_EQ(started(), after + "1 ") << after;
    finish(after + "1");
    finish(after + "2");
    EXPECT_TRUE(first.ok() && second.ok()) << after;
  };
  const auto hang = [this](const std::string& id) {
    world.port->plans.assign(1, {start_plan::hang});
    auto answer = start(id);
    prepares(id);
    return answer;
  };

  auto a = hang("failed");
  finish("failed", task_error());
  EXPECT_EQ(a.said(), "not_found");
  expect_one_place("after-failure");

  a = hang("cancelled");
  cancel("cancelled");
  EXPECT_EQ(a.said(), "cancelled");
  expect_one_place("after-cancel");

  a = hang("succeeds");
  finish("succeeds"); // without a word that it has its image
  EXPECT_TRUE(a.ok());
  expect_one_place("after-success");

  a = hang("retried");
  finish("retried", infrastructure_error());
  prepares("retried"); // too late: the attempt is over
  is_prepared("retried");
  world.advance(60s);
  EXPECT_TRUE(a.ok());
  expect_one_place("after-retry");

  a = hang("in-line");
  world.port->plans.assign(1, {start_plan::hang});
  const auto other = start("other");
  is_prepared("in-line");
  cancel("in-line");
  EXPECT_EQ(a.said(), "cancelled");
  finish("other");
  EXPECT_TRUE(other.ok());
  EXPECT_EQ(proceeded(), "");
  expect_one_place("after-cancel-in-line");

  a = hang("late");
  is_prepared("late");
  world.advance(120s); // cancelled at its limit, and tried again
  EXPECT_TRUE(a.ok());
  expect_one_place("after-limit");
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
