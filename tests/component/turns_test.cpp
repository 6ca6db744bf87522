#include "tests/component/support/sandbox_world.hpp"

#include <gtest/gtest.h>

namespace sandfleet::actors::testing {
namespace {

const sandbox_id a("sb-a");
const session_name session("default");

/// Takes turns as the control plane does: through the gate, and by message when it is held.
class turns_test : public ::testing::Test {
 protected:
  turns_test() { w.start(a); }

  token_ptr take_at_once() {
    auto entered = w.board->find(a, session)->enter();
    auto* token = std::get_if<token_ptr>(&entered);
    return token ? std::move(*token) : nullptr;
  }

  answer_of<token_ptr> line_up(std::uint64_t waiter, std::chrono::nanoseconds timeout = 1h) {
    auto entered = w.board->find(a, session)->enter();
    answer_of<token_ptr> got;
    // The place must be nowhere but in the message, so that it is left when the actors drop it.
    auto place = std::make_shared<waiter_ptr>(std::get<waiter_ptr>(std::move(entered)));
    w.spawn([=, this](caf::event_based_actor* self) {
      self->request(w.root, std::chrono::minutes(600), take_atom_v,
                    turn_request{a, session, waiter, timeout}, std::move(*place))
          .then([=](const token_ptr& token) { got.set(token); },
                [=](caf::error& e) { got.set(tl::unexpected(from_caf(e))); });
    });
    w.run();
    return got;
  }

  void take_back(std::uint64_t waiter) {
    caf::anon_send(w.root, cancel_atom_v, turn_request{a, session, waiter, 0s});
    w.run();
  }

  sandbox_world w;
};

TEST_F(turns_test, a_free_turn_is_taken_and_given_back_without_a_message) {
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(take_at_once());
  EXPECT_FALSE(w.schedule.has_job());
}

TEST_F(turns_test, turns_come_in_the_order_in_which_they_were_asked_for) {
  auto held = take_at_once();
  const auto one = line_up(1);
  const auto two = line_up(2);
  const auto three = line_up(3);
  EXPECT_TRUE(one.pending());
  held.reset();
  w.run();
  EXPECT_TRUE(one.ok());
  EXPECT_TRUE(two.pending());
  one.drop();
  w.run();
  EXPECT_TRUE(two.ok());
  EXPECT_TRUE(three.pending());
  two.drop();
  w.run();
  EXPECT_TRUE(three.ok());
  three.drop();
  w.run();
  EXPECT_TRUE(take_at_once()) << "the gate is free of messages again";
}

TEST_F(turns_test, a_waiter_that_is_taken_back_does_not_hold_up_the_others) {
  auto held = take_at_once();
  const auto one = line_up(1);
  const auto two = line_up(2);
  take_back(1);
  EXPECT_EQ(one.said(), "cancelled");
  held.reset();
  w.run();
  EXPECT_TRUE(two.ok());
}

TEST_F(turns_test, when_the_only_waiter_leaves_the_turn_is_free_after_the_holder) {
  auto held = take_at_once();
  const auto one = line_up(1);
  take_back(1);
  held.reset();
  w.run();
  EXPECT_TRUE(take_at_once());
}

TEST_F(turns_test, a_waiter_times_out_and_does_not_hold_up_the_others) {
  auto held = take_at_once();
  const auto one = line_up(1, 100s);
  const auto two = line_up(2, 10s);
  w.advance(9s);
  EXPECT_TRUE(two.pending());
  w.advance(2s);
  EXPECT_EQ(two.said(), "timed_out");
  EXPECT_TRUE(one.pending());
  w.advance(100s);
  EXPECT_EQ(one.said(), "timed_out");
  held.reset();
  w.run();
  EXPECT_TRUE(take_at_once());
}

TEST_F(turns_test, a_turn_that_is_granted_to_a_dead_requester_goes_on_to_the_next) {
  auto held = take_at_once();
  auto entered = w.board->find(a, session)->enter();
  auto place = std::get<waiter_ptr>(std::move(entered));
  auto mortal = w.spawn([&](caf::event_based_actor* self) {
    self->request(w.root, std::chrono::minutes(1), take_atom_v, turn_request{a, session, 1, 1h},
                  std::move(place))
        .then([](const token_ptr&) {});
    self->become([](int) {});
  });
  w.run();
  const auto two = line_up(2);
  w.kill(mortal);
  held.reset();
  w.run();
  EXPECT_TRUE(two.ok());
}

TEST_F(turns_test, sessions_do_not_wait_for_each_other) {
  auto held = take_at_once();
  auto other = w.board->find(a, session_name("second"))->enter();
  EXPECT_TRUE(std::holds_alternative<token_ptr>(other));
}

TEST_F(turns_test, when_the_sandbox_ends_all_waiters_get_the_verdict) {
  auto held = take_at_once();
  const auto one = line_up(1);
  const auto two = line_up(2);
  providers::exit_report report;
  report.failure = make_error(errc::out_of_memory, "killed for memory");
  w.port->end(a, report);
  w.run();
  EXPECT_EQ(one.failure(), *report.failure);
  EXPECT_EQ(two.failure(), *report.failure);
  EXPECT_EQ(w.board->find(a, session), nullptr);
  const auto late =
      w.ask<token_ptr>(w.root, take_atom_v, turn_request{a, session, 3, 1s}, waiter_ptr());
  EXPECT_EQ(late.failure(), *report.failure);
}

TEST_F(turns_test, when_the_sandbox_is_stopped_waiters_are_told_so) {
  auto held = take_at_once();
  const auto one = line_up(1);
  w.stop(a);
  EXPECT_EQ(one.said(), "sandbox_lost");
}

} // namespace
} // namespace sandfleet::actors::testing
