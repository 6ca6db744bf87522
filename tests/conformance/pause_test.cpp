#include "tests/conformance/engine_series.hpp"

#include <algorithm>
#include <future>
#include <mutex>
#include <vector>

namespace sandfleet::tests {
namespace {

class engine_pause : public engine_series {
 protected:
  void SetUp() override {
    engine_series::SetUp();
    auto probe = start();
    const auto paused = wait_for(probe.pause());
    if (!paused && paused.error().code == errc::unsupported)
      GTEST_SKIP() << paused.error().to_string();
    ASSERT_TRUE(paused) << paused.error().to_string();
    ASSERT_TRUE(wait_for(probe.stop()));
  }
};

TEST_F(engine_pause, a_paused_sandbox_stands_still_and_its_next_use_resumes_it) {
  auto box = start();
  ASSERT_TRUE(run(box, "x=42"));
  ASSERT_TRUE(wait_for(box.pause()));
  EXPECT_EQ(box.state(), sandbox_state::paused);
  EXPECT_EQ(only_one().state, listed_state::paused);
  EXPECT_TRUE(wait_for(box.pause())); // again
  EXPECT_EQ(run(box, "echo $x")->output, "42\n");
  EXPECT_EQ(box.state(), sandbox_state::ready);
  EXPECT_EQ(only_one().state, listed_state::running);
  EXPECT_TRUE(wait_for(box.resume())); // it runs already
  ASSERT_TRUE(wait_for(box.stop()));
}

TEST_F(engine_pause, what_runs_goes_on_after_a_resume) {
  auto box = start();
  ASSERT_TRUE(run(box, "mkfifo /tmp/begun /tmp/gate"));
  auto waiting = std::async(std::launch::async, [&] {
    return run(box, "echo > /tmp/begun; read line < /tmp/gate; echo got $line");
  });
  exec_request begun;
  begun.argv = {"cat", "/tmp/begun"};
  ASSERT_TRUE(wait_for(box.exec(begun)));
  ASSERT_TRUE(wait_for(box.pause()));
  ASSERT_TRUE(wait_for(box.resume()));
  exec_request write;
  write.argv = {"sh", "-c", "echo word > /tmp/gate"};
  ASSERT_TRUE(wait_for(box.exec(write)));
  const auto got = waiting.get();
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_EQ(got->output, "got word\n");
  ASSERT_TRUE(wait_for(box.stop()));
}

TEST_F(engine_pause, calls_at_one_moment_resume_it_once) {
  auto box = start();
  std::vector<sandbox_state> seen;
  std::mutex mutex;
  const auto listening = engine_->on_status([&](const status_event& event) {
    const std::lock_guard lock(mutex);
    seen.push_back(event.to);
  });
  ASSERT_TRUE(wait_for(box.pause()));
  std::vector<std::future<result<command_result>>> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(std::async(std::launch::async, [&, i] {
      command_request request;
      request.command = "echo " + std::to_string(i);
      request.session = session_name("s" + std::to_string(i));
      return wait_for(box.run(std::move(request)));
    }));
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(all[static_cast<std::size_t>(i)].get()->output, std::to_string(i) + "\n");
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(std::ranges::count(seen, sandbox_state::resuming), 1);
  }
  ASSERT_TRUE(wait_for(box.stop()));
}

TEST_F(engine_pause, a_paused_sandbox_can_be_stopped) {
  auto box = start();
  ASSERT_TRUE(wait_for(box.pause()));
  const auto gone = wait_for(box.stop());
  ASSERT_TRUE(gone) << gone.error().to_string();
  EXPECT_FALSE(gone->failure);
  EXPECT_TRUE(wait_for(engine_->list())->empty());
}

TEST_F(engine_pause, one_that_is_kept_stays_paused_from_engine_to_engine) {
  auto box = start();
  ASSERT_TRUE(run(box, "x=42"));
  ASSERT_TRUE(wait_for(box.keep(std::chrono::hours(1))));
  ASSERT_TRUE(wait_for(box.pause()));
  next_engine();
  EXPECT_EQ(only_one().state, listed_state::paused);
  auto again = wait_for(engine_->attach(box.id()));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->state(), sandbox_state::paused);
  EXPECT_EQ(run(*again, "echo $x")->output, "42\n");
  stop_and_reap(*again);
}

TEST_F(engine_pause, sandboxes_stay_and_are_paused_when_the_settings_say_so) {
  auto settings = test_settings(state_.path());
  settings.at_close = close_action::pause;
  settings.keep_for = std::chrono::hours(2);
  next_engine(settings);
  sandbox_spec spec;
  spec.session_id = "conversation-1";
  auto box = start(spec);
  ASSERT_TRUE(run(box, "x=42"));
  next_engine(settings);
  const auto info = only_one();
  EXPECT_EQ(info.state, listed_state::paused);
  EXPECT_EQ(info.session_id, "conversation-1");
  ASSERT_TRUE(info.expires);
  auto again = wait_for(engine_->attach_session("conversation-1"));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(run(*again, "echo $x")->output, "42\n");
  stop_and_reap(*again);
}

} // namespace
} // namespace sandfleet::tests
