#include "actors/health_port.hpp"
#include "actors/provider_port.hpp"
#include "tests/component/support/fake_provider.hpp"
#include "tests/component/support/virtual_world.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace sandfleet::actors::testing {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

const sandbox_id a("sb-a");

/// Keeps the report that it hears.
end_observer_actor::behavior_type listener(end_observer_actor::pointer, report_ptr* heard) {
  return {[heard](ended_atom, const report_ptr& report) { *heard = report; }};
}

/// The real ports between virtual time and an io_context that is pumped by hand.
class ports_test : public ::testing::Test {
 protected:
  ports_test() {
    port = world.keep(world.system.spawn(
        provider_port, std::shared_ptr<providers::provider>(provider), io.get_executor()));
    world.run();
  }
  ~ports_test() override {
    world.end_all();
    port = nullptr;
    pump();
  }

  /// Until neither side has anything to do.
  void pump() {
    do {
      world.run();
      io.restart();
    } while (io.poll() > 0 || world.schedule.has_job());
  }

  asio::io_context io;
  std::shared_ptr<fake_provider> provider = std::make_shared<fake_provider>();
  virtual_world world;
  provider_port_actor port;
};

TEST_F(ports_test, a_start_runs_on_asio_and_answers_by_one_message) {
  const auto made = world.ask<instance_ptr>(port, start_atom_v, a, some_spec());
  EXPECT_TRUE(made.pending());
  pump();
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made.value()->id, a);
}

TEST_F(ports_test, a_failure_arrives_with_everything_it_says) {
  provider->failures_to_come = 1;
  const auto made = world.ask<instance_ptr>(port, start_atom_v, a, some_spec());
  pump();
  EXPECT_EQ(made.failure(), make_error(errc::start_failed, "no room"));
  EXPECT_EQ(made.origin(), failure_origin::peer);
}

TEST_F(ports_test, a_provider_that_throws_harms_only_its_caller) {
  provider->throws = true;
  const auto made = world.ask<instance_ptr>(port, start_atom_v, a, some_spec());
  pump();
  EXPECT_EQ(made.said(), "internal");
  provider->throws = false;
  const auto again = world.ask<instance_ptr>(port, start_atom_v, a, some_spec());
  pump();
  EXPECT_TRUE(again.ok());
}

TEST_F(ports_test, taking_up_keeping_letting_go_and_listing_run_on_asio) {
  const auto unknown = world.ask<instance_ptr>(port, attach_atom_v, a);
  pump();
  EXPECT_EQ(unknown.said(), "not_found");
  provider->knows_others = true;
  const auto made = world.ask<instance_ptr>(port, attach_atom_v, a);
  const auto kept = world.ask<caf::ok_atom>(port, keep_atom_v, a, caf::timespan(1s));
  const auto found = world.ask<listing_ptr>(port, list_atom_v);
  const auto gone = world.ask<caf::ok_atom>(port, detach_atom_v, a);
  pump();
  EXPECT_TRUE(made.ok() && kept.ok() && gone.ok());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found.value()->size(), 1u);
  EXPECT_EQ(provider->releases, 1);
}

TEST_F(ports_test, a_cancel_right_after_the_start_cannot_overtake_it) {
  provider->hangs = true;
  const auto made = world.ask<instance_ptr>(port, start_atom_v, a, some_spec());
  const auto cancelled = world.ask<caf::ok_atom>(port, cancel_atom_v, a);
  EXPECT_TRUE(cancelled.pending());
  pump();
  EXPECT_EQ(made.said(), "cancelled");
  EXPECT_TRUE(cancelled.ok());
  EXPECT_EQ(provider->cancelled_starts, 1);
}

TEST_F(ports_test, a_cancel_of_nothing_is_answered_at_once) {
  EXPECT_TRUE(world.ask<caf::ok_atom>(port, cancel_atom_v, a).ok());
}

TEST_F(ports_test, the_end_of_a_watched_sandbox_is_an_event) {
  world.ask<instance_ptr>(port, start_atom_v, a, some_spec());
  pump();
  report_ptr heard;
  auto ear = world.keep(world.system.spawn(listener, &heard));
  caf::anon_send(port, watch_atom_v, a, ear);
  pump();
  EXPECT_FALSE(heard);
  providers::exit_report report;
  report.exit_code = 3;
  provider->end(a, report);
  pump();
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->exit_code, 3);
}

TEST_F(ports_test, a_watch_that_was_ended_is_silent_and_its_wait_is_cancelled) {
  world.ask<instance_ptr>(port, start_atom_v, a, some_spec());
  pump();
  report_ptr heard;
  auto ear = world.keep(world.system.spawn(listener, &heard));
  caf::anon_send(port, watch_atom_v, a, ear);
  pump();
  caf::anon_send(port, unwatch_atom_v, a);
  pump();
  EXPECT_EQ(provider->ended_waits, 1);
  EXPECT_FALSE(heard);
}

TEST_F(ports_test, a_killed_port_answers_all_and_cancels_its_work) {
  provider->hangs = true;
  std::vector<answer_of<instance_ptr>> all;
  for (int i = 0; i < 50; ++i)
    all.push_back(world.ask<instance_ptr>(port, start_atom_v, sandbox_id("sb-" + std::to_string(i)),
                                          some_spec()));
  pump();
  world.kill(port);
  for (const auto& one : all) {
    ASSERT_FALSE(one.pending());
    EXPECT_EQ(one.origin(), failure_origin::down);
  }
  pump();
  EXPECT_EQ(provider->cancelled_starts, 50);
}

/// Hears what a provider says of a start that it asked for.
caf::behavior starter(caf::event_based_actor* self, const provider_port_actor& to,
                      std::string* heard, std::string* outcome) {
  self->request(to, 60s, start_atom_v, a, some_spec())
      .then([outcome](const instance_ptr&) { *outcome = "ok"; },
            [outcome](const caf::error& e) {
              *outcome = std::string(to_string(from_caf(e).what.code));
            });
  return {
      [heard](preparing_atom, const sandbox_id&, bool builds) {
        *heard += builds ? "builds " : "pulls ";
      },
      [heard](prepared_atom, const sandbox_id&) { *heard += "prepared "; },
  };
}

TEST_F(ports_test, a_start_that_had_to_wait_goes_on_when_it_is_told_to) {
  provider->builds = true;
  std::string heard;
  std::string outcome;
  world.keep(world.system.spawn(starter, port, &heard, &outcome));
  pump();
  EXPECT_EQ(heard, "builds prepared ");
  EXPECT_EQ(outcome, "");
  caf::anon_send(port, proceed_atom_v, a);
  pump();
  EXPECT_EQ(outcome, "ok");
}

TEST_F(ports_test, a_start_that_waits_to_go_on_can_be_cancelled) {
  provider->builds = true;
  std::string heard;
  std::string outcome;
  world.keep(world.system.spawn(starter, port, &heard, &outcome));
  pump();
  EXPECT_TRUE(world.ask<caf::ok_atom>(port, cancel_atom_v, a).pending());
  pump();
  EXPECT_EQ(outcome, "cancelled");
  EXPECT_EQ(provider->cancelled_starts, 1);
  caf::anon_send(port, proceed_atom_v, a); // of nobody
  pump();
}

TEST_F(ports_test, work_that_ends_after_its_port_is_dropped) {
  const auto made = world.ask<instance_ptr>(port, start_atom_v, a, some_spec());
  world.kill(port); // the start has not run yet
  pump();
  EXPECT_EQ(made.origin(), failure_origin::down);
  EXPECT_LE(provider->starts, 1);
}

TEST_F(ports_test, the_health_port_answers_what_the_probe_says) {
  bool alive = true;
  std::chrono::milliseconds given{0};
  auto health = world.keep(world.system.spawn(
      health_port,
      probe_function([&](transport::http_base,
                         std::chrono::milliseconds timeout) -> asio::awaitable<result<void>> {
        given = timeout;
        if (!alive)
          co_return fail(errc::connection_failed, "refused");
        co_return result<void>{};
      }),
      io.get_executor()));
  const transport::http_base where = transport::unix_endpoint{"/run/x"};
  const auto good = world.ask<caf::ok_atom>(health, probe_atom_v, where, caf::timespan(2s));
  pump();
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(given, 2000ms);
  alive = false;
  const auto bad = world.ask<caf::ok_atom>(health, probe_atom_v, where, caf::timespan(2s));
  pump();
  EXPECT_EQ(bad.said(), "connection_failed");
}

} // namespace
} // namespace sandfleet::actors::testing
