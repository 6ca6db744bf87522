#include "actors/restart_window.hpp"
#include "actors/terminator.hpp"
#include "tests/component/support/sandbox_world.hpp"

#include <gtest/gtest.h>

namespace sandfleet::actors::testing {
namespace {

const sandbox_id a("sb-a");
const sandbox_id b("sb-b");

TEST(restart_window, gives_up_after_the_limit_within_the_window) {
  restart_window window({.max_restarts = 2, .window = 10s, .base = 1ms, .cap = 10ms}, 1);
  const restart_window::time_point start{};
  EXPECT_TRUE(window.next_delay(start));
  EXPECT_TRUE(window.next_delay(start + 1s));
  EXPECT_FALSE(window.next_delay(start + 2s));
}

TEST(restart_window, forgets_deaths_that_are_older_than_the_window) {
  restart_window window({.max_restarts = 2, .window = 10s, .base = 1ms, .cap = 10ms}, 1);
  restart_window::time_point now{};
  for (int i = 0; i < 100; ++i, now += 6s)
    EXPECT_TRUE(window.next_delay(now)) << i;
}

TEST(supervisor, a_provider_actor_that_dies_is_started_anew_and_serves_again) {
  sandbox_world w;
  w.kill(w.front);
  w.advance(1s);
  EXPECT_TRUE(w.start(a).ok());
}

TEST(supervisor, the_death_of_a_port_restarts_it_together_with_its_provider_actor) {
  sandbox_world w;
  const auto before = w.front;
  w.kill(w.port_actor);
  w.advance(1s);
  EXPECT_NE(w.front, before);
  EXPECT_TRUE(w.start(a).ok());
}

TEST(supervisor, a_start_in_flight_survives_the_death_of_the_provider_actor) {
  sandbox_world w;
  w.port->plans = {{start_plan::hang}};
  const auto made = w.start(a);
  w.kill(w.front);
  EXPECT_TRUE(made.pending());
  w.advance(2s);
  EXPECT_TRUE(made.ok());
}

TEST(supervisor, a_stop_in_flight_survives_the_death_of_the_provider_actor) {
  sandbox_world w;
  w.start(a);
  w.port->stop_hangs = true;
  const auto gone = w.stop(a);
  w.port->stop_hangs = false;
  w.kill(w.port_actor);
  EXPECT_TRUE(gone.pending());
  w.advance(2s);
  EXPECT_TRUE(gone.ok());
}

TEST(supervisor, a_successor_that_is_known_before_the_death_is_asked_at_once) {
  sandbox_world w;
  w.start(a);
  w.port->stop_hangs = true;
  const auto gone = w.stop(a);
  w.port->stop_hangs = false;
  const auto next =
      w.keep(w.system.spawn(provider, w.keep(w.system.spawn(fake_port, w.port)), w.settings));
  const auto box = caf::actor_cast<sandbox_actor>(w.port->watchers.at(a));
  caf::anon_send(box, replace_atom_v, next);
  w.run();
  EXPECT_TRUE(gone.pending());
  w.kill(w.port_actor);
  EXPECT_TRUE(gone.ok());
}

TEST(supervisor, a_new_provider_actor_watches_the_sandboxes_of_the_old_one) {
  sandbox_world w;
  w.start(a);
  w.port->watchers.clear();
  w.kill(w.front);
  w.advance(1s);
  ASSERT_TRUE(w.port->watchers.contains(a));
  w.port->end(a, {});
  w.run();
  EXPECT_EQ(w.events.back().to, sandbox_state::error);
}

TEST(supervisor, a_provider_actor_that_dies_too_often_is_given_up_with_a_verdict) {
  sandbox_world w;
  w.start(a);
  for (int i = 0; i < 4; ++i) {
    w.kill(w.front);
    w.advance(1500ms);
  }
  const auto refused = w.start(b);
  EXPECT_EQ(refused.said(), "internal");
  EXPECT_NE(refused.failure().cause.find("3 times"), std::string::npos);
  EXPECT_EQ(w.events.back().to, sandbox_state::error);
  EXPECT_EQ(w.report(a, 1).failure(), refused.failure());
}

TEST(supervisor, a_start_that_waits_for_a_provider_that_is_given_up_is_answered) {
  sandbox_world w;
  w.port->plans.assign(10, {start_plan::hang});
  const auto made = w.start(a);
  for (int i = 0; i < 4; ++i) {
    w.kill(w.front);
    w.advance(1500ms);
  }
  EXPECT_EQ(made.said(), "internal");
}

TEST(supervisor, one_id_cannot_be_started_twice) {
  sandbox_world w;
  w.start(a);
  EXPECT_EQ(w.start(a).said(), "already_exists");
  w.stop(a);
  EXPECT_EQ(w.start(a).said(), "already_exists");
}

TEST(shutdown, stops_every_sandbox_and_ends_every_actor) {
  sandbox_world w;
  w.start(a);
  w.start(b);
  const auto done = w.ask<caf::ok_atom>(w.root, shutdown_atom_v);
  EXPECT_TRUE(done.ok());
  EXPECT_EQ(w.port->stopped.size(), 2u);
  EXPECT_EQ(w.states(a), "STARTING_RUNTIME RUNTIME_STARTED READY STOPPING STOPPED");
  EXPECT_EQ(w.states(b), "STARTING_RUNTIME RUNTIME_STARTED READY STOPPING STOPPED");
  EXPECT_EQ(w.system.registry().running(), 0u);
}

TEST(shutdown, with_work_in_flight_answers_everybody) {
  sandbox_world w;
  w.port->plans.assign(2, {start_plan::hang});
  const auto in_flight = w.start(a);
  const auto other = w.start(b);
  const auto queued = w.start(sandbox_id("sb-c"));
  w.start(sandbox_id("sb-d"));
  const auto done = w.ask<caf::ok_atom>(w.root, shutdown_atom_v);
  EXPECT_EQ(in_flight.said(), "shutting_down");
  EXPECT_EQ(other.said(), "shutting_down");
  EXPECT_EQ(queued.said(), "shutting_down");
  EXPECT_TRUE(done.ok());
  EXPECT_EQ(w.system.registry().running(), 0u);
}

TEST(shutdown, with_an_inquiry_and_waiters_answers_everybody) {
  sandbox_world w;
  w.start(a);
  w.port->state = providers::instance_state::paused;
  w.port->resume_hangs = true;
  const auto asked = w.report(a, 1);
  auto gate = w.board->find(a, session_name("default"));
  const auto held = gate->enter();
  const auto waiting =
      w.ask<token_ptr>(w.root, take_atom_v, turn_request{a, session_name("default"), 1, 1h},
                       std::get<waiter_ptr>(gate->enter()));
  const auto done = w.ask<caf::ok_atom>(w.root, shutdown_atom_v);
  EXPECT_EQ(asked.said(), "sandbox_lost");
  EXPECT_EQ(waiting.said(), "sandbox_lost");
  EXPECT_TRUE(done.ok());
}

TEST(shutdown, kills_what_does_not_end_within_the_grace_and_answers_everybody) {
  sandbox_world w;
  w.start(a);
  w.port->stop_hangs = true;
  const auto gone = w.stop(a);
  const auto done = w.ask<caf::ok_atom>(w.root, shutdown_atom_v);
  w.advance(4900ms);
  EXPECT_TRUE(done.pending());
  w.advance(200ms);
  EXPECT_TRUE(done.ok());
  EXPECT_FALSE(gone.pending());
  EXPECT_EQ(w.system.registry().running(), 0u);
}

TEST(shutdown, admits_no_start_while_it_goes_on) {
  sandbox_world w;
  w.start(a);
  w.port->stop_hangs = true;
  const auto done = w.ask<caf::ok_atom>(w.root, shutdown_atom_v);
  EXPECT_EQ(w.start(b).said(), "shutting_down");
  w.advance(6s);
  EXPECT_TRUE(done.ok());
}

TEST(shutdown, asked_for_twice_is_done_once_and_answered_twice) {
  sandbox_world w;
  w.start(a);
  w.port->stop_hangs = true;
  const auto one = w.ask<caf::ok_atom>(w.root, shutdown_atom_v);
  const auto two = w.ask<caf::ok_atom>(w.root, shutdown_atom_v);
  w.advance(6s);
  EXPECT_TRUE(one.ok());
  EXPECT_TRUE(two.ok());
}

} // namespace
} // namespace sandfleet::actors::testing
