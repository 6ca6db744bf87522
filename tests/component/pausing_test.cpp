#include "actors/control_plane.hpp"
#include "tests/component/support/sandbox_world.hpp"

#include <gtest/gtest.h>

namespace sandfleet::actors::testing {
namespace {

const sandbox_id a("sb-a");

class pausing_world : public sandbox_world {
 public:
  using sandbox_world::sandbox_world;

  answer_of<caf::ok_atom> pause() { return ask<caf::ok_atom>(root, pause_atom_v, a); }
  answer_of<route_ptr> use() { return report(a, 0); }

  /// Lets what hangs in the port go on.
  void answer() {
    port->finish(a);
    run();
  }
};

TEST(pausing, a_paused_sandbox_has_no_route_until_somebody_looks_for_one) {
  pausing_world w;
  const auto made = w.start(a);
  const auto link = made.value()->link;
  ASSERT_TRUE(w.pause().ok());
  EXPECT_EQ(link->state(), sandbox_state::paused);
  EXPECT_EQ(link->current_route(), nullptr);
  EXPECT_TRUE(w.pause().ok()); // again
  EXPECT_EQ(w.port->paused, std::vector{a});

  const auto route = w.use();
  ASSERT_TRUE(route.ok()) << route.said();
  EXPECT_GT(route.value()->generation, 1U);
  EXPECT_EQ(w.port->resumed, std::vector{a});
  EXPECT_EQ(w.states(a), "STARTING_RUNTIME RUNTIME_STARTED READY PAUSING PAUSED RESUMING "
                         "RUNTIME_STARTED READY");
}

TEST(pausing, who_looks_for_it_while_it_is_being_paused_is_served_afterwards) {
  pausing_world w;
  w.start(a);
  w.port->pause_hangs = true;
  const auto paused = w.pause();
  const auto first = w.use();
  const auto second = w.use();
  EXPECT_TRUE(first.pending());
  w.answer();
  EXPECT_TRUE(paused.ok()) << paused.said();
  EXPECT_TRUE(first.ok()) << first.said();
  EXPECT_TRUE(second.ok()) << second.said();
  EXPECT_EQ(w.port->resumed, std::vector{a}); // once for both
}

TEST(pausing, a_call_that_was_under_way_is_told_and_wakes_nobody) {
  pausing_world w;
  w.start(a);
  w.pause();
  EXPECT_EQ(w.report(a, 1).said(), "sandbox_paused");
  EXPECT_TRUE(w.port->resumed.empty());
}

TEST(pausing, a_call_that_was_under_way_when_somebody_else_paused_it_is_told_so_too) {
  pausing_world w;
  const auto made = w.start(a);
  w.port->state = providers::instance_state::paused;
  const auto cut = make_error(errc::connection_failed, "cut").with("connected", std::int64_t{1});
  EXPECT_EQ(w.ask<route_ptr>(w.root, report_atom_v, a, std::uint64_t{1}, cut).said(),
            "sandbox_paused");
  EXPECT_EQ(made.value()->link->state(), sandbox_state::paused);
  EXPECT_TRUE(w.port->resumed.empty());
  w.port->state = providers::instance_state::running;
  EXPECT_TRUE(w.use().ok());
  EXPECT_EQ(w.port->resumed, std::vector{a});
}

TEST(pausing, a_provider_that_cannot_leaves_the_sandbox_as_it_is) {
  pausing_world w;
  const auto made = w.start(a);
  w.port->pause_failure = make_error(errc::unsupported, "no freezer");
  EXPECT_EQ(w.pause().said(), "unsupported");
  EXPECT_EQ(made.value()->link->state(), sandbox_state::ready);
  ASSERT_NE(made.value()->link->current_route(), nullptr);
  EXPECT_TRUE(w.use().ok());
  EXPECT_TRUE(w.port->resumed.empty());
}

TEST(pausing, one_that_ends_while_it_is_paused_has_its_verdict) {
  pausing_world w;
  w.start(a);
  w.pause();
  providers::exit_report end;
  end.signal = 9;
  w.port->end(a, end);
  w.run();
  EXPECT_EQ(w.use().said(), "sandbox_lost");
  EXPECT_EQ(w.pause().said(), "sandbox_lost");
}

TEST(pausing, a_stop_overtakes_a_pause) {
  pausing_world w;
  w.start(a);
  w.port->pause_hangs = true;
  const auto paused = w.pause();
  EXPECT_TRUE(w.stop(a).ok());
  w.answer();
  EXPECT_EQ(paused.said(), "sandbox_lost");
}

TEST(pausing, a_paused_sandbox_can_be_stopped) {
  pausing_world w;
  w.start(a);
  w.pause();
  EXPECT_TRUE(w.stop(a).ok());
  EXPECT_EQ(w.port->stopped, std::vector{a});
  EXPECT_TRUE(w.port->resumed.empty());
}

TEST(pausing, one_that_cannot_be_resumed_is_lost) {
  pausing_world w;
  w.start(a);
  w.pause();
  w.port->resume_failure = make_error(errc::io_error, "no");
  const auto used = w.use();
  EXPECT_EQ(used.said(), "sandbox_lost");
}

TEST(pausing, one_that_is_taken_up_stays_paused_until_it_is_used) {
  pausing_world w;
  w.port->attaches_paused = true;
  const auto made = w.ask<ready_ptr>(w.root, attach_atom_v, a, provider_name("fake"));
  ASSERT_TRUE(made.ok()) << made.said();
  EXPECT_EQ(made.value()->link->state(), sandbox_state::paused);
  EXPECT_TRUE(w.use().ok());
  EXPECT_EQ(made.value()->link->state(), sandbox_state::ready);
}

TEST(pausing, another_programs_is_left_alone) {
  pausing_world w;
  w.port->attaches_foreign = true;
  w.ask<ready_ptr>(w.root, attach_atom_v, a, provider_name("fake"));
  EXPECT_EQ(w.pause().said(), "permission_denied");
}

TEST(pausing, kept_ones_are_paused_at_the_end_when_that_is_wanted) {
  auto settings = sandbox_world::default_settings();
  settings.pause_at_close = true;
  pausing_world w(settings);
  w.start(a);
  ASSERT_TRUE(w.ask<caf::ok_atom>(w.root, keep_atom_v, a, caf::timespan(5s)).ok());
  EXPECT_TRUE(w.ask<caf::ok_atom>(w.root, shutdown_atom_v).ok());
  EXPECT_EQ(w.port->paused, std::vector{a});
  EXPECT_EQ(w.port->let_go, std::vector{a});
  EXPECT_TRUE(w.port->stopped.empty());
}

TEST(pausing, a_pause_that_fails_at_the_end_keeps_nobody) {
  auto settings = sandbox_world::default_settings();
  settings.pause_at_close = true;
  pausing_world w(settings);
  w.start(a);
  w.ask<caf::ok_atom>(w.root, keep_atom_v, a, caf::timespan(5s));
  w.port->pause_failure = make_error(errc::io_error, "no");
  EXPECT_TRUE(w.ask<caf::ok_atom>(w.root, shutdown_atom_v).ok());
  EXPECT_EQ(w.port->let_go, std::vector{a});
}

} // namespace
} // namespace sandfleet::actors::testing
