#include "runtime/providers/docker/flights.hpp"
#include "runtime/providers/docker/pull_progress.hpp"
#include "runtime/providers/docker/start_failure.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <gmock/gmock.h>

namespace sandfleet::providers::docker {
namespace {

namespace asio = boost::asio;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

sandfleet::docker::progress_line line(std::string layer, std::string text, std::int64_t current = 0,
                                      std::int64_t total = 0) {
  sandfleet::docker::progress_line made;
  made.layer = std::move(layer);
  made.text = std::move(text);
  made.current = current;
  made.total = total;
  return made;
}

TEST(pull_progress, adds_the_layers_up_and_speaks_once_a_second) {
  pull_progress progress;
  const pull_progress::time_point start{};
  const auto after = [&](int ms) { return start + std::chrono::milliseconds(ms); };
  EXPECT_EQ(progress.take(line("latest", "Pulling from library/x"), start),
            "Pulling from library/x");
  EXPECT_EQ(progress.take(line("a", "Downloading", 500'000, 2'000'000), start),
            "0 of 1 layers, 0.5 of 2.0 MB (a: 0.5 of 2.0 MB)");
  EXPECT_FALSE(progress.take(line("b", "Already exists"), after(1)));
  EXPECT_FALSE(progress.take(line("a", "Downloading", 900'000, 2'000'000), after(999)));
  EXPECT_EQ(progress.take(line("a", "Download complete"), after(1000)),
            "1 of 2 layers, 2.0 of 2.0 MB");
  EXPECT_EQ(progress.take(line("a", "Pull complete"), after(2000)), "2 of 2 layers, 2.0 of 2.0 MB");
  EXPECT_EQ(progress.take(line("", "Status: Downloaded newer image"), after(2001)),
            "Status: Downloaded newer image");
}

TEST(foreign_platform, is_what_the_engine_warns_of) {
  EXPECT_FALSE(foreign_platform("x", {}));
  EXPECT_FALSE(foreign_platform("x", {"Your kernel does not support swap limits"}));
  const auto why = foreign_platform(
      "x", {"The requested image's platform (linux/arm64) does not match the detected host "
            "platform (linux/amd64) and no specific platform was requested"});
  ASSERT_TRUE(why);
  EXPECT_EQ(why->blame, failure_class::task);
  EXPECT_THAT(why->cause, HasSubstr("arm64"));
}

/// Work that somebody waits for and nobody ends, unless it is told to.
class joint_work : public ::testing::Test {
 protected:
  asio::awaitable<result<std::string>> work() {
    ++begun_;
    asio::steady_timer forever(io_, asio::steady_timer::time_point::max());
    end_ = &forever;
    boost::system::error_code ec;
    co_await forever.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    end_ = nullptr;
    co_return ended_ ? result<std::string>("done") : fail(errc::cancelled, "");
  }

  void join(const char* name) {
    const auto number = outcomes_.size();
    outcomes_.emplace_back("waits");
    signals_.push_back(std::make_unique<asio::cancellation_signal>());
    asio::co_spawn(io_, flights_->join(name, [this] { return work(); }),
                   asio::bind_cancellation_slot(
                       signals_.back()->slot(),
                       [this, number](const std::exception_ptr& thrown, result<std::string> got) {
                         outcomes_[number] = thrown ? "thrown" : got ? *got : "failed";
                       }));
  }

  void run() {
    io_.restart();
    io_.poll();
  }

  void finish() {
    ended_ = true;
    end_->cancel();
    run();
  }

  asio::io_context io_;
  std::shared_ptr<flights> flights_ = std::make_shared<flights>(io_.get_executor());
  std::vector<std::string> outcomes_;
  std::vector<std::unique_ptr<asio::cancellation_signal>> signals_;
  asio::steady_timer* end_ = nullptr;
  int begun_ = 0;
  bool ended_ = false;
};

TEST_F(joint_work, is_done_once_for_all) {
  for (int i = 0; i < 3; ++i)
    join("x");
  run();
  EXPECT_EQ(begun_, 1);
  finish();
  EXPECT_THAT(outcomes_, ElementsAre("done", "done", "done"));
  join("x");
  run();
  EXPECT_EQ(begun_, 2);
  finish();
}

TEST_F(joint_work, goes_on_for_those_who_still_wait) {
  join("x");
  join("x");
  run();
  signals_[0]->emit(asio::cancellation_type::all);
  run();
  EXPECT_THAT(outcomes_, ElementsAre("failed", "waits"));
  finish();
  EXPECT_THAT(outcomes_, ElementsAre("failed", "done"));
}

TEST_F(joint_work, ends_when_nobody_waits) {
  join("x");
  run();
  ASSERT_NE(end_, nullptr);
  signals_[0]->emit(asio::cancellation_type::all);
  run();
  EXPECT_EQ(end_, nullptr);
  EXPECT_THAT(outcomes_, ElementsAre("failed"));
}

} // namespace
} // namespace sandfleet::providers::docker
