#include "tests/integration/local/local_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <csignal>

namespace sandfleet::tests {
namespace {

using local_lifecycle = local_fixture;

sandbox_spec with_mode(const char* mode) {
  sandbox_spec spec;
  spec.env["DOUBLE_MODE"] = mode;
  return spec;
}

TEST_F(local_lifecycle, a_sandbox_is_ready_and_answers_and_leaves_nothing) {
  const auto box = start();
  EXPECT_EQ(in(box, "pwd"), "/workspace\n");
  EXPECT_EQ(in(box, "hostname"), box.id.str() + "\n");
  EXPECT_EQ(box.session_key.size(), 64U);
  const auto init = init_of(box.id);
  const auto report = stop(box.id, 10s);
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_FALSE(report->failure);
  EXPECT_GT(report->usage.cpu_seconds.value_or(0), 0);
  EXPECT_TRUE(ends(init));
  expect_nothing_left(box.id);
}

TEST_F(local_lifecycle, stop_without_grace_kills) {
  const auto box = start(with_mode("deaf"));
  const auto report = stop(box.id);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->signal, SIGKILL);
  expect_nothing_left(box.id);
}

TEST_F(local_lifecycle, stop_kills_at_the_end_of_the_grace) {
  const auto box = start(with_mode("deaf"));
  const auto report = stop(box.id, 50ms);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->signal, SIGKILL);
}

TEST_F(local_lifecycle, stop_is_idempotent_and_unknown_ids_are_not_found) {
  const auto box = start();
  const auto first = stop(box.id);
  const auto second = stop(box.id);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->signal, second->signal);
  EXPECT_EQ(run(local().inspect(box.id)).value(), providers::instance_state::gone);
  EXPECT_EQ(stop(sandbox_id("sb-0000000000000000")).error().code, errc::not_found);
}

TEST_F(local_lifecycle, wait_tells_an_end_that_nobody_asked_for) {
  const auto box = start();
  auto waiting = begin(local().wait(box.id));
  ::kill(init_of(box.id), SIGKILL);
  const auto report = waiting.get();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->signal, SIGKILL);
  ASSERT_TRUE(report->failure);
  EXPECT_EQ(report->failure->code, errc::sandbox_lost);
  EXPECT_EQ(report->failure->blame, failure_class::infrastructure);
  expect_nothing_left(box.id);
}

TEST_F(local_lifecycle, an_agent_that_ends_at_once_is_a_failed_start_with_its_words) {
  const auto started = try_start(with_mode("fail"));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::start_failed);
  EXPECT_EQ(started.error().blame, failure_class::infrastructure);
  EXPECT_NE(started.error().to_string().find("the double fails as it was told"), std::string::npos);
  expect_nothing_left(last_id_);
}

TEST_F(local_lifecycle, a_start_that_takes_too_long_is_given_up) {
  auto spec = with_mode("mute");
  spec.start_timeout = 200ms;
  const auto started = try_start(spec);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::timed_out);
  EXPECT_EQ(started.error().blame, failure_class::infrastructure);
  expect_nothing_left(last_id_);
}

TEST_F(local_lifecycle, a_cancelled_start_leaves_nothing) {
  providers::start_request request;
  request.id = make_sandbox_id();
  request.spec = std::make_shared<const sandbox_spec>(with_mode("mute"));
  asio::io_context own;
  asio::cancellation_signal signal;
  std::optional<result<providers::instance>> outcome;
  asio::co_spawn(own, local().start(request),
                 asio::bind_cancellation_slot(signal.slot(),
                                              [&](const std::exception_ptr& thrown, auto value) {
                                                EXPECT_FALSE(thrown);
                                                outcome = std::move(value);
                                              }));
  while (!outcome && launcher_of(request.id) == 0)
    own.poll();
  asio::post(own, [&] { signal.emit(asio::cancellation_type::all); });
  own.run();
  ASSERT_TRUE(outcome);
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, errc::cancelled);
  expect_nothing_left(request.id);
}

TEST_F(local_lifecycle, a_killed_launcher_takes_the_sandbox_with_it) {
  const auto box = start();
  const auto init = init_of(box.id);
  auto waiting = begin(local().wait(box.id));
  ::kill(launcher_of(box.id), SIGKILL);
  const auto report = waiting.get();
  ASSERT_TRUE(report);
  ASSERT_TRUE(report->failure);
  EXPECT_EQ(report->failure->code, errc::sandbox_lost);
  EXPECT_TRUE(ends(init));
  expect_nothing_left(box.id);
}

TEST_F(local_lifecycle, a_killed_launcher_takes_even_a_deaf_agent_with_it) {
  const auto box = start(with_mode("deaf"));
  const auto init = init_of(box.id);
  auto waiting = begin(local().wait(box.id));
  ::kill(launcher_of(box.id), SIGKILL);
  ASSERT_TRUE(waiting.get()->failure);
  EXPECT_TRUE(ends(init));
  expect_nothing_left(box.id);
}

TEST_F(local_lifecycle, pause_stops_the_clock_and_resume_goes_on) {
  const auto box = start();
  if (auto paused = run(local().pause(box.id)); !paused)
    GTEST_SKIP() << paused.error().to_string();
  EXPECT_EQ(run(local().inspect(box.id)).value(), providers::instance_state::paused);
  EXPECT_TRUE(run(local().resume(box.id)));
  EXPECT_EQ(run(local().inspect(box.id)).value(), providers::instance_state::running);
  EXPECT_EQ(in(box, "echo on"), "on\n");
  ASSERT_TRUE(run(local().pause(box.id)));
  EXPECT_TRUE(stop(box.id)) << "a paused sandbox can be stopped";
  expect_nothing_left(box.id);
}

TEST_F(local_lifecycle, a_hundred_sandboxes_start_at_once) {
  std::vector<std::future<result<providers::instance>>> starts;
  for (int i = 0; i < 100; ++i) {
    providers::start_request request;
    request.id = make_sandbox_id();
    request.spec = std::make_shared<const sandbox_spec>();
    starts.push_back(begin(local().start(request)));
  }
  std::vector<sandbox_id> ids;
  for (auto& one : starts) {
    auto started = one.get();
    ASSERT_TRUE(started) << started.error().to_string();
    ids.push_back(started->id);
  }
  std::vector<std::future<result<providers::exit_report>>> stops;
  for (const auto& id : ids) {
    providers::stop_request request;
    request.id = id;
    stops.push_back(begin(local().stop(request)));
  }
  for (auto& one : stops)
    EXPECT_TRUE(one.get());
  EXPECT_TRUE(fs::is_empty(state_.path() + "/sandboxes"));
}

TEST_F(local_lifecycle, without_isolation_stray_processes_die_too) {
  sandbox_spec spec;
  spec.isolation = isolation_mode::none;
  const auto box = start(spec);
  EXPECT_TRUE(box.limits.contains("isolation"));
  EXPECT_EQ(in(box, "pwd"), dir_of(box.id) + "/workspace\n");
  const auto stray =
      std::atoi(in(box, "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!").c_str());
  ASSERT_GT(stray, 0);
  in(box, "mkdir -p ../home/deep/er; chmod 000 ../home/deep");
  ASSERT_TRUE(stop(box.id));
  EXPECT_TRUE(ends(stray));
  expect_nothing_left(box.id);
}

} // namespace
} // namespace sandfleet::tests
