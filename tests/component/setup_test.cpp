#include "actors/control_plane.hpp"
#include "tests/component/support/sandbox_world.hpp"

#include <gtest/gtest.h>

namespace sandfleet::actors::testing {
namespace {

const sandbox_id a("sb-a");
constexpr auto up = "STARTING_RUNTIME RUNTIME_STARTED READY";

class setup_world : public sandbox_world {
 public:
  answer_of<caf::ok_atom> set_up(setup_step step, std::uint64_t number = 1) {
    return ask<caf::ok_atom>(root, setup_atom_v, a, number, step);
  }
  [[nodiscard]] std::string after_start() const {
    return states(a).substr(std::string_view(up).size());
  }
};

TEST(setup, is_shown_step_by_step_and_ends_ready) {
  setup_world w;
  const auto made = w.start(a);
  for (const auto step : {setup_step::begun, setup_step::workspace, setup_step::workspace,
                          setup_step::git_hooks, setup_step::over, setup_step::over})
    EXPECT_TRUE(w.set_up(step).ok());
  EXPECT_EQ(w.after_start(), " SETTING_UP_WORKSPACE SETTING_UP_GIT_HOOKS READY");
  EXPECT_NE(made.value()->link->current_route(), nullptr);
}

TEST(setup, of_which_nothing_is_to_be_shown_changes_no_state) {
  setup_world w;
  w.start(a);
  EXPECT_TRUE(w.set_up(setup_step::begun).ok());
  EXPECT_TRUE(w.set_up(setup_step::over).ok());
  EXPECT_EQ(w.after_start(), "");
}

TEST(setup, is_one_at_a_time) {
  setup_world w;
  w.start(a);
  w.set_up(setup_step::begun, 1);
  w.set_up(setup_step::workspace, 1);
  EXPECT_EQ(w.set_up(setup_step::begun, 2).said(), "already_exists");
  EXPECT_TRUE(w.set_up(setup_step::over, 2).ok()) << "what the refused one leaves";
  EXPECT_EQ(w.after_start(), " SETTING_UP_WORKSPACE");
  EXPECT_TRUE(w.set_up(setup_step::over, 1).ok());
  EXPECT_TRUE(w.set_up(setup_step::begun, 2).ok());
}

TEST(setup, leaves_a_sandbox_in_use) {
  setup_world w;
  w.start(a);
  w.set_up(setup_step::begun);
  w.set_up(setup_step::workspace);
  EXPECT_TRUE(w.report(a, 1).ok()) << "a hiccup of a connection";
  EXPECT_EQ(w.ask<caf::ok_atom>(w.root, pause_atom_v, a).said(), "invalid_argument");
  EXPECT_EQ(w.after_start(), " SETTING_UP_WORKSPACE");
}

TEST(setup, of_a_sandbox_that_was_paused_from_outside_goes_on_when_it_is_resumed) {
  setup_world w;
  w.start(a);
  w.set_up(setup_step::begun);
  w.set_up(setup_step::workspace);
  w.port->state = providers::instance_state::paused;
  EXPECT_TRUE(w.report(a, 1).ok());
  EXPECT_TRUE(w.set_up(setup_step::git_hooks).ok());
  EXPECT_TRUE(w.set_up(setup_step::over).ok());
  EXPECT_EQ(w.after_start(), " SETTING_UP_WORKSPACE ERROR_RUNTIME_DISCONNECTED RESUMING "
                             "RUNTIME_STARTED READY SETTING_UP_GIT_HOOKS READY");
}

TEST(setup, of_a_silent_sandbox_is_told_of_it) {
  setup_world w;
  w.start(a);
  w.set_up(setup_step::begun);
  w.set_up(setup_step::git_hooks);
  w.health->alive = false;
  const auto used = w.report(a, 1);
  w.advance(deadlines::news_of_end);
  EXPECT_EQ(used.said(), "sandbox_lost");
  EXPECT_EQ(w.after_start(), " SETTING_UP_GIT_HOOKS ERROR_RUNTIME_DISCONNECTED");
}

TEST(setup, of_a_sandbox_that_ends_has_its_verdict) {
  setup_world w;
  w.start(a);
  w.set_up(setup_step::begun);
  w.set_up(setup_step::workspace);
  providers::exit_report end;
  end.signal = 9;
  end.usage.oom_kills = 1;
  w.port->end(a, end);
  w.run();
  EXPECT_EQ(w.set_up(setup_step::git_hooks).said(), "out_of_memory");
  EXPECT_EQ(w.after_start(), " SETTING_UP_WORKSPACE ERROR_MEMORY");
  EXPECT_TRUE(w.stop(a).ok());
}

TEST(setup, of_a_sandbox_that_is_not_there_is_not_found) {
  setup_world w;
  EXPECT_EQ(w.set_up(setup_step::begun).said(), "not_found");
}

TEST(setup, does_not_keep_a_sandbox_from_being_stopped) {
  setup_world w;
  w.start(a);
  w.set_up(setup_step::begun);
  w.set_up(setup_step::workspace);
  EXPECT_TRUE(w.stop(a).ok());
  EXPECT_EQ(w.after_start(), " SETTING_UP_WORKSPACE STOPPING STOPPED");
}

} // namespace
} // namespace sandfleet::actors::testing
