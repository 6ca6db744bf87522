#include "tests/component/support/sandbox_world.hpp"

#include <gtest/gtest.h>

namespace sandfleet::actors::testing {
namespace {

const sandbox_id a("sb-a");

actor_settings watchful() {
  auto s = sandbox_world::default_settings();
  s.health_interval = 30s;
  s.health_timeout = 10s;
  s.health_threshold = 3;
  return s;
}

TEST(health, an_agent_that_answers_is_probed_once_an_interval) {
  sandbox_world w(watchful());
  w.start(a);
  w.advance(300s);
  EXPECT_GE(w.health->probes, 9u);
  EXPECT_LE(w.health->probes, 11u);
  EXPECT_EQ(w.events.back().to, sandbox_state::ready);
}

TEST(health, an_interval_of_zero_probes_never) {
  sandbox_world w;
  w.start(a);
  w.advance(3600s);
  EXPECT_EQ(w.health->probes, 0u);
}

TEST(health, failures_below_the_threshold_change_nothing) {
  sandbox_world w(watchful());
  w.start(a);
  w.health->alive = false;
  while (w.health->probes < 2)
    w.advance(1s);
  w.health->alive = true;
  w.advance(120s);
  EXPECT_EQ(w.events.back().to, sandbox_state::ready);
  EXPECT_EQ(w.port->inspections, 0u);
}

TEST(health, an_agent_that_stays_silent_is_disconnected_and_comes_back) {
  sandbox_world w(watchful());
  w.start(a);
  w.health->alive = false;
  w.advance(90s);
  EXPECT_EQ(w.events.back().to, sandbox_state::error_runtime_disconnected);
  EXPECT_EQ(w.port->inspections, 1u);
  w.health->alive = true;
  w.advance(40s);
  EXPECT_EQ(w.events.back().to, sandbox_state::ready);
}

TEST(health, a_probe_that_never_answers_counts_as_failed) {
  sandbox_world w(watchful());
  w.start(a);
  w.health->hangs = true;
  w.advance(180s);
  EXPECT_EQ(w.events.back().to, sandbox_state::error_runtime_disconnected);
}

TEST(health, a_lost_agent_whose_sandbox_is_gone_gives_the_verdict) {
  sandbox_world w(watchful());
  w.start(a);
  w.health->alive = false;
  w.port->state = providers::instance_state::gone;
  w.port->last_report.exit_code = 1;
  w.advance(90s);
  EXPECT_EQ(w.events.back().to, sandbox_state::error);
  EXPECT_EQ(w.report(a, 1).said(), "sandbox_lost");
}

TEST(health, a_sandbox_that_has_stopped_is_probed_no_more) {
  sandbox_world w(watchful());
  w.start(a);
  w.stop(a);
  w.advance(300s);
  EXPECT_EQ(w.health->probes, 0u);
}

TEST(health, a_disconnection_seen_by_the_data_plane_is_healed_by_the_next_good_probe) {
  sandbox_world w(watchful());
  w.start(a);
  w.health->alive = false;
  w.report(a, 1);
  EXPECT_EQ(w.events.back().to, sandbox_state::error_runtime_disconnected);
  w.health->alive = true;
  w.advance(40s);
  EXPECT_EQ(w.events.back().to, sandbox_state::ready);
}

TEST(health, a_health_port_that_dies_is_replaced_and_probing_goes_on) {
  sandbox_world w(watchful());
  w.start(a);
  w.kill(w.health_actor);
  w.advance(120s);
  EXPECT_GE(w.health->probes, 3u);
  EXPECT_EQ(w.events.back().to, sandbox_state::ready);
}

} // namespace
} // namespace sandfleet::actors::testing
