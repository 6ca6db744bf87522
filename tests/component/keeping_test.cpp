#include "actors/control_plane.hpp"
#include "tests/component/support/sandbox_world.hpp"

#include <gtest/gtest.h>

namespace sandfleet::actors::testing {
namespace {

const sandbox_id a("sb-a");
const sandbox_id b("sb-b");

class keeping_world : public sandbox_world {
 public:
  using sandbox_world::sandbox_world;

  answer_of<ready_ptr> attach(const sandbox_id& id, const char* provider = "fake") {
    return ask<ready_ptr>(root, attach_atom_v, id, provider_name(provider));
  }
  answer_of<caf::ok_atom> keep(const sandbox_id& id, std::chrono::milliseconds life = 1000ms) {
    return ask<caf::ok_atom>(root, keep_atom_v, id, caf::timespan(life));
  }
  answer_of<caf::ok_atom> detach(const sandbox_id& id) {
    return ask<caf::ok_atom>(root, detach_atom_v, id);
  }
  answer_of<listing_ptr> list() { return ask<listing_ptr>(root, list_atom_v); }
  answer_of<caf::ok_atom> shutdown() { return ask<caf::ok_atom>(root, shutdown_atom_v); }
};

TEST(keeping, a_kept_sandbox_is_let_go_at_shutdown_and_another_is_stopped) {
  keeping_world w;
  w.start(a);
  w.start(b);
  ASSERT_TRUE(w.keep(a, 5000ms).ok());
  ASSERT_EQ(w.port->kept.size(), 1u);
  EXPECT_EQ(w.port->kept[0].second, caf::timespan(5s));
  const auto down = w.shutdown();
  EXPECT_TRUE(down.ok()) << down.said();
  EXPECT_EQ(w.port->stopped, std::vector{b});
  EXPECT_EQ(w.port->let_go, std::vector{a});
  EXPECT_EQ(w.states(a), "STARTING_RUNTIME RUNTIME_STARTED READY");
}

TEST(keeping, a_keep_that_failed_leaves_the_sandbox_to_be_stopped) {
  keeping_world w;
  w.start(a);
  w.port->keep_failure = make_error(errc::io_error, "no room");
  EXPECT_EQ(w.keep(a).said(), "io_error");
  w.shutdown();
  EXPECT_EQ(w.port->stopped, std::vector{a});
  EXPECT_TRUE(w.port->let_go.empty());
}

TEST(keeping, a_shutdown_in_the_middle_of_a_keep_waits_for_what_becomes_of_it) {
  keeping_world w;
  w.start(a);
  w.port->keep_hangs = true;
  const auto kept = w.keep(a);
  const auto down = w.shutdown();
  EXPECT_TRUE(kept.pending());
  EXPECT_TRUE(w.port->stopped.empty());
  w.port->finish(a);
  w.run();
  EXPECT_TRUE(kept.ok());
  EXPECT_TRUE(down.ok());
  EXPECT_TRUE(w.port->stopped.empty());
  EXPECT_EQ(w.port->let_go, std::vector{a});
}

TEST(keeping, a_kept_sandbox_is_still_stopped_when_asked_to) {
  keeping_world w;
  w.start(a);
  w.keep(a);
  EXPECT_TRUE(w.stop(a).ok());
  EXPECT_EQ(w.port->stopped, std::vector{a});
  EXPECT_EQ(w.keep(a).said(), "sandbox_lost");
  EXPECT_EQ(w.keep(b).said(), "not_found");
}

TEST(keeping, what_is_attached_is_ready_watched_and_left_alone_at_the_end) {
  keeping_world w;
  const auto made = w.attach(a);
  ASSERT_TRUE(made.ok()) << made.said();
  EXPECT_EQ(made.value()->link->state(), sandbox_state::ready);
  EXPECT_EQ(made.value()->limits.at("pids"), "enforced");
  EXPECT_EQ(w.states(a), "RESUMING RUNTIME_STARTED READY");
  EXPECT_TRUE(w.port->watchers.contains(a));
  EXPECT_TRUE(w.report(a, 1).ok()) << "its route is looked after like any other";
  w.shutdown();
  EXPECT_TRUE(w.port->stopped.empty());
  EXPECT_EQ(w.port->let_go, std::vector{a});
}

TEST(keeping, attaching_to_what_is_known_answers_that) {
  keeping_world w;
  const auto made = w.start(a);
  const auto again = w.attach(a);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.value()->link, made.value()->link);
  EXPECT_TRUE(w.port->attached.empty());
  w.stop(a);
  EXPECT_EQ(w.attach(a).said(), "sandbox_lost");
}

TEST(keeping, attaching_to_one_that_starts_waits_for_it) {
  keeping_world w;
  w.port->plans.push_back({start_plan::hang});
  const auto made = w.start(a);
  const auto again = w.attach(a);
  EXPECT_TRUE(again.pending());
  w.port->finish(a);
  w.run();
  EXPECT_TRUE(made.ok() && again.ok());
}

TEST(keeping, an_attach_that_failed_takes_nothing_away_and_may_be_tried_again) {
  keeping_world w;
  w.port->attach_failure = make_error(errc::connection_failed, "nobody listens");
  EXPECT_EQ(w.attach(a).said(), "connection_failed");
  EXPECT_TRUE(w.port->stopped.empty());
  w.port->attach_failure.reset();
  EXPECT_TRUE(w.attach(a).ok());
  EXPECT_EQ(w.attach(b, "nowhere").said(), "invalid_argument");
}

TEST(keeping, an_attach_that_hangs_is_answered_in_time) {
  keeping_world w;
  w.port->attach_hangs = true;
  const auto made = w.attach(a);
  w.advance(16s);
  EXPECT_EQ(made.said(), "timed_out");
  EXPECT_TRUE(w.port->stopped.empty());
}

TEST(keeping, a_shutdown_in_the_middle_of_an_attach_lets_go) {
  keeping_world w;
  w.port->attach_hangs = true;
  const auto made = w.attach(a);
  const auto down = w.shutdown();
  w.port->finish(a);
  w.run();
  EXPECT_TRUE(made.ok());
  EXPECT_TRUE(down.ok());
  EXPECT_TRUE(w.port->stopped.empty());
  EXPECT_EQ(w.port->let_go, std::vector{a});
}

TEST(keeping, another_programs_sandbox_is_neither_stopped_nor_kept) {
  keeping_world w;
  w.port->attaches_foreign = true;
  ASSERT_TRUE(w.attach(a).ok());
  EXPECT_EQ(w.stop(a).said(), "permission_denied");
  EXPECT_EQ(w.keep(a).said(), "permission_denied");
  EXPECT_EQ(w.states(a), "RESUMING RUNTIME_STARTED READY");
  EXPECT_TRUE(w.detach(a).ok());
}

TEST(keeping, the_end_of_an_attached_sandbox_is_its_verdict) {
  keeping_world w;
  w.attach(a);
  providers::exit_report report;
  report.signal = 9;
  report.usage.oom_kills = 1;
  w.port->end(a, report);
  w.run();
  EXPECT_EQ(w.report(a, 1).said(), "out_of_memory");
  EXPECT_EQ(w.events.back().to, sandbox_state::error_memory);
}

TEST(keeping, what_was_let_go_is_forgotten_and_can_be_attached_again) {
  keeping_world w;
  w.start(a);
  EXPECT_EQ(w.detach(a).said(), "invalid_argument") << "it is this program's own";
  w.keep(a);
  const auto watcher = w.port->watchers.at(a);
  EXPECT_TRUE(w.detach(a).ok());
  EXPECT_FALSE(w.port->watchers.contains(a));
  EXPECT_EQ(w.stop(a).said(), "not_found");
  EXPECT_EQ(w.detach(a).said(), "not_found");
  EXPECT_TRUE(w.attach(a).ok());
  EXPECT_TRUE(w.stop(a).ok());
}

TEST(keeping, who_asks_while_a_sandbox_is_let_go_is_told_at_the_end) {
  keeping_world w;
  w.start(a);
  w.keep(a);
  w.port->detach_hangs = true;
  const auto gone = w.detach(a);
  const auto again = w.detach(a);
  const auto stopped = w.stop(a);
  const auto attached = w.attach(a);
  EXPECT_TRUE(gone.pending() && again.pending() && stopped.pending() && attached.pending());
  EXPECT_EQ(w.keep(a).said(), "sandbox_lost");
  w.port->finish(a);
  w.run();
  EXPECT_TRUE(gone.ok());
  EXPECT_TRUE(again.ok());
  EXPECT_EQ(stopped.said(), "not_found");
  EXPECT_EQ(attached.said(), "not_found");
  EXPECT_TRUE(w.port->stopped.empty());
}

TEST(keeping, a_list_is_what_the_provider_knows) {
  keeping_world w;
  sandbox_info info;
  info.id = b;
  w.port->listing.push_back(info);
  const auto found = w.list();
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found.value()->size(), 1u);
  EXPECT_EQ(found.value()->front().id, b);
  w.kill(w.port_actor);
  EXPECT_EQ(w.list().said(), "internal") << "a part would be taken for the whole";
}

} // namespace
} // namespace sandfleet::actors::testing
