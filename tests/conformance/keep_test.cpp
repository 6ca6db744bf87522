#include "tests/conformance/engine_series.hpp"

namespace sandfleet::tests {
namespace {

using engine_keep = engine_series;

TEST_F(engine_keep, a_kept_sandbox_keeps_its_shell_and_files_across_engines) {
  sandbox_spec spec;
  spec.labels = {{"name", "pet"}};
  spec.workspace = "/home/work";
  auto box = start(spec);
  ASSERT_TRUE(run(box, "x=42; echo kept > note; cd /tmp"));
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours(1))));
  next_engine();
  EXPECT_TRUE(engine_->found_at_start().removed.empty());

  const auto info = only_one();
  EXPECT_EQ(info.id, box.id());
  EXPECT_TRUE(info.kept);
  EXPECT_EQ(info.state, listed_state::running);
  EXPECT_EQ(info.image, test_settings("").image);
  EXPECT_EQ(info.labels, spec.labels);
  EXPECT_EQ(info.owner_pid, ::getpid());
  ASSERT_TRUE(info.expires);
  EXPECT_NEAR(std::chrono::duration<double>(*info.expires - info.created).count(), 3600, 60);

  auto again = wait_for(engine_->attach(box.id()));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->state(), sandbox_state::ready);
  EXPECT_EQ(again->workspace(), "/home/work");
  EXPECT_EQ(run(*again, "echo $x; pwd; cat /home/work/note")->output, "42\n/tmp\nkept\n");
  EXPECT_EQ(wait_for(box.run("true")).error().code, errc::shutting_down);
  stop_and_reap(*again);
  EXPECT_TRUE(wait_for(engine_->list())->empty());
}

TEST_F(engine_keep, an_attached_sandbox_stays_when_its_engine_ends) {
  auto box = start();
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours(1))));
  next_engine();
  ASSERT_TRUE(wait_for(engine_->attach(box.id())));
  next_engine();
  auto again = wait_for(engine_->attach(box.id()));
  ASSERT_TRUE(again);
  ASSERT_TRUE(wait_for(again->detach()));
  EXPECT_FALSE(wait_for(again->run("true")));
  again = wait_for(engine_->attach(box.id()));
  ASSERT_TRUE(again) << again.error().to_string();
  stop_and_reap(*again);
}

TEST_F(engine_keep, another_programs_sandbox_can_be_used_but_is_its_own) {
  auto other = another_engine();
  sandbox_spec spec;
  auto theirs =
      boost::asio::co_spawn(other.executor(), other.start(spec), boost::asio::use_future).get();
  ASSERT_TRUE(theirs);
  auto seen = wait_for(engine_->attach(theirs->id()));
  ASSERT_TRUE(seen) << seen.error().to_string();
  EXPECT_EQ(run(*seen, "echo hello")->output, "hello\n");
  EXPECT_EQ(wait_for(seen->stop()).error().code, errc::permission_denied);
  EXPECT_EQ(wait_for(seen->keep({})).error().code, errc::permission_denied);
  EXPECT_EQ(seen->state(), sandbox_state::ready);
  EXPECT_FALSE(only_one().kept);
}

TEST_F(engine_keep, two_engines_share_a_session_one_command_at_a_time) {
  auto box = start();
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours(1))));
  auto other = another_engine();
  auto theirs =
      boost::asio::co_spawn(other.executor(), other.attach(box.id()), boost::asio::use_future)
          .get();
  ASSERT_TRUE(theirs) << theirs.error().to_string();
  auto one = boost::asio::co_spawn(other.executor(), theirs->run("echo one; x=1"),
                                   boost::asio::use_future);
  auto two =
      boost::asio::co_spawn(engine_->executor(), box.run("echo two"), boost::asio::use_future);
  EXPECT_EQ(one.get()->output, "one\n");
  EXPECT_EQ(two.get()->output, "two\n");
  EXPECT_EQ(run(box, "echo $x")->output, "1\n");
  EXPECT_TRUE(wait_for(box.stop()));
}

TEST_F(engine_keep, clean_up_looks_first_and_removes_what_a_dead_launcher_left) {
  if (tests_docker() || tests_remote())
    GTEST_SKIP() << "neither containers nor a service's sandboxes have a launcher here";
  auto box = start();
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours(1))));
  const auto launcher = only_one().launcher_pid;
  engine_.reset();
  ::kill(launcher, SIGKILL);
  ::waitpid(launcher, nullptr, 0);

  auto quiet = test_settings(state_.path());
  quiet.clean_up_at_start = false;
  engine_.emplace(engine::create(quiet).value());
  EXPECT_EQ(only_one().state, listed_state::abandoned);
  EXPECT_EQ(wait_for(engine_->attach(box.id())).error().code, errc::not_found);
  const auto seen = wait_for(engine_->clean_up(clean_up_mode::only_look));
  ASSERT_TRUE(seen);
  ASSERT_EQ(seen->removed.size(), 1U);
  EXPECT_EQ(only_one().state, listed_state::abandoned);
  const auto done = wait_for(engine_->clean_up());
  ASSERT_TRUE(done);
  ASSERT_EQ(done->removed.size(), 1U);
  EXPECT_EQ(done->removed[0].id, box.id());
  EXPECT_TRUE(done->failures.empty());
  EXPECT_TRUE(wait_for(engine_->list())->empty());
}

TEST_F(engine_keep, what_is_not_there_is_not_found) {
  EXPECT_EQ(wait_for(engine_->attach(sandbox_id("sb-0000000000000000"))).error().code,
            errc::not_found);
  EXPECT_TRUE(wait_for(engine_->list())->empty());
}

TEST_F(engine_keep, a_session_has_one_sandbox) {
  sandbox_spec spec;
  spec.session_id = "one";
  auto box = start(spec);
  const auto second = wait_for(engine_->start(spec));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::already_exists);
  EXPECT_EQ(second.error().cause, box.id().str());
  auto found = wait_for(engine_->attach_session("one"));
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->id(), box.id());
  EXPECT_EQ(wait_for(engine_->attach_session("another")).error().code, errc::not_found);
  ASSERT_TRUE(wait_for(box.stop()));
  EXPECT_EQ(wait_for(engine_->attach_session("one")).error().code, errc::not_found);
  auto next = start(spec);
  EXPECT_NE(next.id(), box.id());
  ASSERT_TRUE(wait_for(next.stop()));
}

TEST_F(engine_keep, with_keep_at_close_sandboxes_outlive_the_engine) {
  auto settings = test_settings(state_.path());
  settings.at_close = close_action::keep;
  next_engine(settings);
  auto box = start();
  next_engine(settings);
  EXPECT_EQ(only_one().state, listed_state::running);
  auto again = wait_for(engine_->attach(box.id()));
  ASSERT_TRUE(again);
  stop_and_reap(*again);
}

TEST_F(engine_keep, stop_all_at_close_takes_kept_ones_too) {
  auto box = start();
  const auto launcher = only_one().launcher_pid;
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours(1))));
  auto settings = test_settings(state_.path());
  settings.stop_all_at_close = true;
  next_engine(settings);
  next_engine();
  EXPECT_TRUE(wait_for(engine_->list())->empty());
  if (launcher != 0)
    ::waitpid(launcher, nullptr, 0);
}

} // namespace
} // namespace sandfleet::tests
