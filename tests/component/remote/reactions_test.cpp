#include "runtime/protocol/agent_api.hpp"
#include "tests/support/fake_runtime_service.hpp"
#include "tests/support/temporary_directory.hpp"

#include <sandfleet/engine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace sandfleet::tests {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr int always = 1'000'000;

/// An engine whose sandboxes are a fake service's, which lives on a thread of its own.
class remote_reactions : public ::testing::Test {
 protected:
  void SetUp() override {
    settings s;
    s.provider = provider_name("remote");
    s.state_dir = files_.path();
    s.remote.api_url = service_.url();
    s.remote.api_key = service_.key;
    s.health_interval = 20ms;
    s.health_timeout = 300ms;
    auto made = engine::create(std::move(s));
    ASSERT_TRUE(made) << made.error().to_string();
    engine_.emplace(std::move(*made));
    listening_ = engine_->on_status([this](const status_event& event) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    });
    auto box = wait_for(engine_->start({}));
    ASSERT_TRUE(box) << box.error().to_string();
    box_ = *box;
    at_service([&] { service_.agent_reply = protocol::encode_glob_reply({"/a"}); });
  }

  void TearDown() override {
    engine_.reset();
    at_service([&] { EXPECT_TRUE(service_.rows.empty()); });
    guard_.reset();
    context_.stop();
    thread_.join();
  }

  template <class T>
  T wait_for(asio::awaitable<T> work) {
    return asio::co_spawn(engine_->executor(), std::move(work), asio::use_future).get();
  }

  void at_service(const std::function<void()>& deed) {
    asio::post(context_, std::packaged_task<void()>(deed)).get();
  }

  int calls(const std::string& name) {
    int count = 0;
    at_service([&] { count = service_.calls(name); });
    return count;
  }

  void set(const std::string& call, mischief what, int times = 1) {
    at_service([&] { service_.set(call, what, times); });
  }

  /// The event that brings the sandbox there.
  status_event reaches(sandbox_state state) {
    std::unique_lock lock(mutex_);
    const auto found = [&] { return std::ranges::find(events_, state, &status_event::to); };
    EXPECT_TRUE(changed_.wait_for(lock, 20s, [&] { return found() != events_.end(); }));
    return *found();
  }

  std::ptrdiff_t count(sandbox_state state) {
    const std::lock_guard lock(mutex_);
    return std::ranges::count(events_, state, &status_event::to);
  }

  void forget_events() {
    const std::lock_guard lock(mutex_);
    events_.clear();
  }

  temporary_directory files_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
  fake_runtime_service service_{context_.get_executor()};
  std::thread thread_{[this] { context_.run(); }};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<status_event> events_;
  std::optional<engine> engine_;
  subscription listening_;
  sandbox box_;
};

TEST_F(remote_reactions, one_wake_up_serves_all_who_found_it_paused) {
  at_service([&] { service_.rows.begin()->second.told.status = "paused"; });
  std::vector<std::future<result<std::vector<std::string>>>> all;
  for (int i = 0; i < 12; ++i)
    all.push_back(asio::co_spawn(engine_->executor(), box_.glob("*"), asio::use_future));
  for (auto& one : all) {
    const auto found = one.get();
    EXPECT_TRUE(found) << found.error().to_string();
  }
  EXPECT_EQ(calls("resume"), 1);
  EXPECT_EQ(count(sandbox_state::resuming), 1);
  EXPECT_EQ(calls("alive"), 2); // at its start and its wake-up: nobody else uses it
}

TEST_F(remote_reactions, what_was_not_passed_on_is_repeated_whatever_it_is) {
  exec_result good;
  good.exit_code = 0;
  at_service([&] {
    service_.agent_reply = protocol::encode_exec_reply(good, protocol::output_encoding::base64);
  });
  exec_request request;
  request.argv = {"true"};
  for (const auto what : {mischief::away, mischief::busy, mischief::missing}) {
    set("agent", what);
    const auto done = wait_for(box_.exec(request));
    EXPECT_TRUE(done) << done.error().to_string();
  }
  EXPECT_EQ(box_.state(), sandbox_state::ready);
}

TEST_F(remote_reactions, what_may_have_been_done_is_not_repeated) {
  for (const auto what :
       {mischief::bad_gateway, mischief::gateway_timeout, mischief::resets, mischief::breaks_off}) {
    const auto before = calls("agent");
    set("agent", what);
    exec_request request;
    request.argv = {"true"};
    const auto done = wait_for(box_.exec(request));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, errc::connection_failed) << done.error().to_string();
    EXPECT_EQ(done.error().blame, failure_class::infrastructure);
    EXPECT_EQ(calls("agent"), before + 1);
  }
  EXPECT_EQ(box_.state(), sandbox_state::ready);
  EXPECT_TRUE(wait_for(box_.glob("*")));
}

TEST_F(remote_reactions, what_can_be_repeated_is) {
  for (const auto what :
       {mischief::bad_gateway, mischief::gateway_timeout, mischief::resets, mischief::breaks_off}) {
    set("agent", what);
    const auto found = wait_for(box_.glob("*"));
    EXPECT_TRUE(found) << found.error().to_string();
  }
}

TEST_F(remote_reactions, an_agent_that_cannot_be_reached_is_disconnected_until_it_can) {
  set("alive", mischief::bad_gateway, always);
  set("agent", mischief::bad_gateway, always);
  const auto found = wait_for(box_.glob("*"));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().blame, failure_class::infrastructure) << found.error().to_string();
  EXPECT_THAT(found.error().to_string(), HasSubstr("502"));
  const auto event = reaches(sandbox_state::error_runtime_disconnected);
  ASSERT_TRUE(event.failure);
  EXPECT_EQ(event.failure->blame, failure_class::infrastructure);
  EXPECT_FALSE(event.failure->cause.empty());
  forget_events();
  set("alive", mischief::none, 0);
  set("agent", mischief::none, 0);
  reaches(sandbox_state::ready);
  EXPECT_TRUE(wait_for(box_.glob("*")));
}

TEST_F(remote_reactions, a_sandbox_that_the_service_has_lost_is_lost) {
  at_service([&] { service_.rows.clear(); });
  const auto found = wait_for(box_.glob("*"));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, errc::sandbox_lost) << found.error().to_string();
  EXPECT_EQ(found.error().blame, failure_class::infrastructure);
  reaches(sandbox_state::error);
}

TEST_F(remote_reactions, a_wake_up_that_is_refused_says_why) {
  at_service([&] { service_.rows.begin()->second.told.status = "paused"; });
  set("resume", mischief::refuses, always);
  const auto found = wait_for(box_.glob("*"));
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().to_string(), HasSubstr("something is wrong here"));
  EXPECT_EQ(found.error().blame, failure_class::infrastructure);
}

} // namespace
} // namespace sandfleet::tests
