#include "actors/control_plane.hpp"
#include "tests/component/support/sandbox_world.hpp"

#include <gtest/gtest.h>

namespace sandfleet::actors::testing {
namespace {

const sandbox_id a("sb-a");

providers::exit_report killed(std::int64_t oom_kills) {
  providers::exit_report report;
  report.signal = 9;
  report.usage.oom_kills = oom_kills;
  return report;
}

TEST(sandbox, becomes_ready_with_a_route_and_its_limits) {
  sandbox_world w;
  const auto made = w.start(a);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made.value()->link->state(), sandbox_state::ready);
  ASSERT_NE(made.value()->link->current_route(), nullptr);
  EXPECT_EQ(made.value()->link->current_route()->generation, 1u);
  EXPECT_EQ(made.value()->limits.at("pids"), "enforced");
  EXPECT_EQ(w.states(a), "STARTING_RUNTIME RUNTIME_STARTED READY");
}

TEST(sandbox, stops_and_answers_the_providers_report_again_and_again) {
  sandbox_world w;
  w.port->last_report.usage.cpu_seconds = 1.5;
  w.start(a);
  for (int i = 0; i < 2; ++i) {
    const auto gone = w.stop(a);
    ASSERT_TRUE(gone.ok());
    EXPECT_EQ(gone.value()->usage.cpu_seconds, 1.5);
    EXPECT_FALSE(gone.value()->failure);
  }
  EXPECT_EQ(w.port->stopped.size(), 1u);
  EXPECT_EQ(w.states(a), "STARTING_RUNTIME RUNTIME_STARTED READY STOPPING STOPPED");
  EXPECT_TRUE(w.port->watchers.empty());
}

TEST(sandbox, two_stops_at_a_time_ask_the_provider_once) {
  sandbox_world w;
  w.start(a);
  w.port->stop_hangs = true;
  const auto one = w.stop(a);
  const auto two = w.stop(a);
  EXPECT_TRUE(one.pending());
  EXPECT_EQ(w.port->stopped.size(), 1u);
  w.advance(31s);
  EXPECT_EQ(one.said(), "timed_out");
  EXPECT_EQ(two.said(), "timed_out");
  EXPECT_EQ(w.events.back().to, sandbox_state::error);
  w.port->stop_hangs = false;
  EXPECT_TRUE(w.stop(a).ok()) << "a stop that failed may be tried again";
}

TEST(sandbox, an_unknown_id_is_not_found_by_any_call) {
  sandbox_world w;
  EXPECT_EQ(w.stop(a).said(), "not_found");
  EXPECT_EQ(w.report(a, 1).said(), "not_found");
  const auto turn = w.ask<token_ptr>(w.root, take_atom_v,
                                     turn_request{a, session_name("default"), 1, 1s}, waiter_ptr());
  EXPECT_EQ(turn.said(), "not_found");
}

TEST(sandbox, an_unknown_provider_is_refused_by_name) {
  sandbox_world w;
  sandbox_spec spec;
  spec.provider = provider_name("nowhere");
  const auto made = w.ask<ready_ptr>(w.root, start_atom_v, a,
                                     spec_ptr(std::make_shared<const sandbox_spec>(spec)));
  EXPECT_EQ(made.said(), "invalid_argument");
  EXPECT_NE(made.failure().hint.find("fake"), std::string::npos);
}

TEST(sandbox, a_failed_start_is_taken_away_and_answers_the_error) {
  sandbox_world w;
  w.port->plans = {{start_plan::fail, task_error()}};
  const auto made = w.start(a);
  EXPECT_EQ(made.said(), "not_found");
  EXPECT_EQ(made.failure(), task_error());
  EXPECT_EQ(w.states(a), "STARTING_RUNTIME ERROR STOPPING STOPPED");
  EXPECT_EQ(w.report(a, 0).said(), "not_found") << "the verdict stays";
}

TEST(sandbox, cancel_while_the_start_is_in_flight_leaves_nothing) {
  sandbox_world w;
  w.port->plans = {{start_plan::hang}};
  const auto made = w.start(a);
  w.cancel(a);
  EXPECT_EQ(made.said(), "cancelled");
  EXPECT_EQ(w.port->in_flight, 0u);
  EXPECT_EQ(w.states(a), "STARTING_RUNTIME STOPPING STOPPED");
}

TEST(sandbox, cancel_while_the_start_is_queued_never_starts_it) {
  sandbox_world w;
  w.port->plans.assign(2, {start_plan::hang});
  w.start(sandbox_id("x"));
  w.start(sandbox_id("y"));
  const auto made = w.start(a);
  w.cancel(a);
  EXPECT_EQ(made.said(), "cancelled");
  EXPECT_EQ(w.port->started.size(), 2u);
}

TEST(sandbox, a_start_that_succeeds_in_spite_of_the_cancel_is_stopped) {
  sandbox_world w;
  w.port->plans = {{start_plan::hang}};
  w.port->obeys_cancel = false;
  const auto made = w.start(a);
  w.cancel(a);
  EXPECT_TRUE(made.pending());
  w.port->finish(a);
  w.run();
  EXPECT_EQ(made.said(), "cancelled");
  EXPECT_EQ(w.port->stopped.size(), 1u);
}

TEST(sandbox, stop_while_starting_answers_both) {
  sandbox_world w;
  w.port->plans = {{start_plan::hang}};
  const auto made = w.start(a);
  const auto gone = w.stop(a);
  EXPECT_EQ(made.said(), "cancelled");
  EXPECT_TRUE(gone.ok());
}

TEST(sandbox, an_unexpected_end_is_an_event_with_the_providers_evidence) {
  sandbox_world w;
  const auto made = w.start(a);
  providers::exit_report report;
  report.failure = make_error(errc::sandbox_lost, "launcher died").with("signal", std::int64_t{9});
  w.port->end(a, report);
  w.run();
  EXPECT_EQ(w.states(a), "STARTING_RUNTIME RUNTIME_STARTED READY ERROR");
  EXPECT_EQ(w.events.back().failure, report.failure);
  EXPECT_EQ(made.value()->link->current_route(), nullptr);
  EXPECT_EQ(w.report(a, 1).failure(), *report.failure);
  const auto gone = w.stop(a);
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ(gone.value()->failure, report.failure);
  EXPECT_EQ(w.events.back().to, sandbox_state::stopped);
}

TEST(sandbox, an_end_without_a_reason_is_a_loss_with_the_exit_code) {
  sandbox_world w;
  w.start(a);
  providers::exit_report report;
  report.exit_code = 0;
  w.port->end(a, report);
  w.run();
  ASSERT_TRUE(w.events.back().failure);
  EXPECT_EQ(w.events.back().failure->code, errc::sandbox_lost);
  EXPECT_EQ(w.events.back().failure->evidence.front().first, "exit_code");
}

TEST(sandbox, a_kill_counted_by_the_memory_controller_is_out_of_memory) {
  sandbox_world w;
  w.start(a);
  w.port->end(a, killed(1));
  w.run();
  EXPECT_EQ(w.events.back().to, sandbox_state::error_memory);
  ASSERT_TRUE(w.events.back().failure);
  EXPECT_EQ(w.events.back().failure->code, errc::out_of_memory);
  EXPECT_EQ(w.events.back().failure->blame, failure_class::agent);
  EXPECT_EQ(w.stop(a).value()->failure->code, errc::out_of_memory);
}

TEST(sandbox, a_kill_that_the_memory_controller_did_not_count_is_a_loss) {
  sandbox_world w;
  w.start(a);
  w.port->end(a, killed(0));
  w.run();
  EXPECT_EQ(w.events.back().to, sandbox_state::error);
  EXPECT_EQ(w.events.back().failure->code, errc::sandbox_lost);
}

TEST(sandbox, a_reported_failure_of_a_sandbox_that_is_well_answers_the_same_route) {
  sandbox_world w;
  w.start(a);
  const auto next = w.report(a, 1);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next.value()->generation, 1u);
  EXPECT_EQ(w.port->inspections, 1u);
  EXPECT_EQ(w.health->probes, 1u);
  EXPECT_EQ(w.states(a), "STARTING_RUNTIME RUNTIME_STARTED READY");
}

TEST(sandbox, a_reported_failure_of_an_agent_that_is_silent_disconnects) {
  sandbox_world w;
  w.start(a);
  w.health->alive = false;
  const auto next = w.report(a, 1);
  EXPECT_EQ(w.events.back().to, sandbox_state::error_runtime_disconnected);
  w.advance(deadlines::news_of_end);
  EXPECT_EQ(next.said(), "sandbox_lost");
  EXPECT_EQ(next.failure().blame, failure_class::infrastructure);
  w.health->alive = true;
  EXPECT_TRUE(w.report(a, 1).ok());
  EXPECT_EQ(w.events.back().to, sandbox_state::ready);
}

TEST(sandbox, an_end_that_the_provider_tells_after_the_report_is_the_verdict) {
  sandbox_world w;
  w.start(a);
  w.health->alive = false;
  const auto next = w.report(a, 1);
  providers::exit_report killed;
  killed.signal = 9;
  w.port->end(a, killed);
  w.run();
  EXPECT_EQ(next.said(), "sandbox_lost");
  EXPECT_NE(std::ranges::find(next.failure().evidence,
                              std::pair<std::string, evidence_value>("signal", std::int64_t{9})),
            next.failure().evidence.end());
  EXPECT_EQ(w.events.back().to, sandbox_state::error);
}

TEST(sandbox, a_reported_failure_of_a_paused_sandbox_resumes_it_on_a_new_route) {
  sandbox_world w;
  const auto made = w.start(a);
  w.port->state = providers::instance_state::paused;
  const auto next = w.report(a, 1);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next.value()->generation, 2u);
  EXPECT_EQ(next.value(), made.value()->link->current_route());
  EXPECT_EQ(w.states(a), "STARTING_RUNTIME RUNTIME_STARTED READY ERROR_RUNTIME_DISCONNECTED "
                         "RESUMING RUNTIME_STARTED READY");
  const auto late = w.report(a, 1);
  EXPECT_EQ(late.value()->generation, 2u) << "an old generation gets the new route at once";
  EXPECT_EQ(w.port->resumed.size(), 1u);
}

TEST(sandbox, many_reports_at_a_time_make_one_inquiry) {
  sandbox_world w;
  w.start(a);
  w.port->state = providers::instance_state::paused;
  w.port->resume_hangs = true;
  const auto one = w.report(a, 1);
  const auto two = w.report(a, 1);
  EXPECT_EQ(w.port->inspections, 1u);
  EXPECT_TRUE(one.pending());
  w.port->finish(a);
  w.run();
  EXPECT_TRUE(one.ok());
  EXPECT_TRUE(two.ok());
}

TEST(sandbox, a_provider_that_cannot_resume_makes_the_verdict) {
  sandbox_world w;
  w.start(a);
  w.port->state = providers::instance_state::paused;
  w.port->resume_failure = make_error(errc::unsupported, "cannot");
  EXPECT_EQ(w.report(a, 1).said(), "sandbox_lost");
  EXPECT_EQ(w.events.back().to, sandbox_state::error);
}

TEST(sandbox, a_reported_failure_of_a_sandbox_that_is_gone_answers_its_last_report) {
  sandbox_world w;
  w.start(a);
  w.port->state = providers::instance_state::gone;
  w.port->last_report = killed(2);
  EXPECT_EQ(w.report(a, 1).said(), "out_of_memory");
  EXPECT_EQ(w.events.back().to, sandbox_state::error_memory);
}

TEST(sandbox, a_provider_that_cannot_be_asked_leaves_the_sandbox_disconnected) {
  sandbox_world w;
  w.start(a);
  w.port->inspect_failure = make_error(errc::io_error, "no daemon");
  const auto next = w.report(a, 1);
  w.advance(deadlines::news_of_end);
  EXPECT_EQ(next.said(), "sandbox_lost");
  EXPECT_NE(next.failure().cause.find("no daemon"), std::string::npos);
  EXPECT_EQ(w.events.back().to, sandbox_state::error_runtime_disconnected);
}

/// Brings a sandbox into one state, for the tests of its end there.
struct in_state {
  const char* name;
  sandbox_state state;
  void (*bring)(sandbox_world&);
};

void bring_starting(sandbox_world& w) {
  w.port->plans = {{start_plan::hang}};
  w.start(a);
}
void bring_ready(sandbox_world& w) {
  w.start(a);
}
void bring_disconnected(sandbox_world& w) {
  w.start(a);
  w.health->alive = false;
  w.report(a, 1);
}
void bring_resuming(sandbox_world& w) {
  w.start(a);
  w.port->state = providers::instance_state::paused;
  w.port->resume_hangs = true;
  w.report(a, 1);
}
void bring_stopping(sandbox_world& w) {
  w.start(a);
  w.port->stop_hangs = true;
  w.stop(a);
}
void bring_error(sandbox_world& w) {
  w.start(a);
  w.port->end(a, {});
  w.run();
}
void bring_error_memory(sandbox_world& w) {
  w.start(a);
  w.port->end(a, killed(1));
  w.run();
}

class in_each_state : public ::testing::TestWithParam<in_state> {};

TEST_P(in_each_state, an_end_of_the_sandbox_leads_to_an_answer_for_everybody_and_can_be_stopped) {
  sandbox_world w;
  GetParam().bring(w);
  ASSERT_EQ(w.events.back().to, GetParam().state);
  const auto asked = w.report(a, 1);
  if (w.port->watchers.contains(a))
    w.port->end(a, killed(1));
  else if (w.port->hanging.contains(a))
    w.port->finish(a, make_error(errc::out_of_memory, "killed while it came up"));
  w.run();
  w.port->stop_hangs = false;
  const auto gone = w.stop(a);
  w.advance(60s);
  EXPECT_FALSE(asked.pending());
  ASSERT_FALSE(gone.pending());
  if (GetParam().state == sandbox_state::stopping)
    EXPECT_EQ(gone.said(), "timed_out") << "the first stop hangs for both";
  else
    EXPECT_EQ(w.events.back().to, sandbox_state::stopped);
}

class in_each_watched_state : public ::testing::TestWithParam<in_state> {};

TEST_P(in_each_watched_state, the_death_of_the_actor_answers_everybody_and_removes_the_sandbox) {
  sandbox_world w;
  GetParam().bring(w);
  const auto asked = w.report(a, 1);
  const auto stops_before = w.port->stopped.size();
  w.kill(w.port->watchers.at(a));
  EXPECT_FALSE(asked.pending());
  EXPECT_EQ(w.report(a, 1).said(), "internal");
  EXPECT_EQ(w.port->stopped.size(), stops_before + 1);
  EXPECT_EQ(w.board->find(a, session_name("default")), nullptr);
}

TEST(sandbox, the_death_of_the_actor_while_starting_answers_the_start) {
  sandbox_world w;
  w.throw_at = sandbox_state::starting_runtime;
  const auto made = w.start(a);
  ASSERT_FALSE(made.pending());
  EXPECT_EQ(made.origin(), failure_origin::down);
  EXPECT_EQ(w.report(a, 1).said(), "internal");
  EXPECT_EQ(w.port->stopped.size(), 1u);
}

TEST(sandbox, the_death_of_the_actor_while_it_comes_up_removes_what_was_started) {
  sandbox_world w;
  w.throw_at = sandbox_state::runtime_started;
  const auto made = w.start(a);
  ASSERT_FALSE(made.pending());
  EXPECT_EQ(w.port->started.size(), 1u);
  EXPECT_EQ(w.port->stopped.size(), 1u);
}

const in_state starting{"starting", sandbox_state::starting_runtime, bring_starting};
const in_state watched[] = {
    {"ready", sandbox_state::ready, bring_ready},
    {"disconnected", sandbox_state::error_runtime_disconnected, bring_disconnected},
    {"resuming", sandbox_state::resuming, bring_resuming},
    {"stopping", sandbox_state::stopping, bring_stopping},
    {"error", sandbox_state::error, bring_error},
    {"error_memory", sandbox_state::error_memory, bring_error_memory},
};

std::string name_of(const ::testing::TestParamInfo<in_state>& one) {
  return one.param.name;
}

INSTANTIATE_TEST_SUITE_P(starting, in_each_state, ::testing::Values(starting), name_of);
INSTANTIATE_TEST_SUITE_P(watched, in_each_state, ::testing::ValuesIn(watched), name_of);
INSTANTIATE_TEST_SUITE_P(watched, in_each_watched_state, ::testing::ValuesIn(watched), name_of);

} // namespace
} // namespace sandfleet::actors::testing
