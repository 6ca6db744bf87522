#include "runtime/providers/docker_provider.hpp"
#include "tests/support/fake_docker.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include <filesystem>
#include <future>

namespace sandfleet::tests {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

class docker_bad_days : public ::testing::Test {
 protected:
  docker_bad_days() : engine_(context_.get_executor(), files_.path() + "/engine.sock") {
    provider_ = make_provider();
  }

  ~docker_bad_days() override {
    provider_->close();
    provider_.reset();
    context_.poll();
  }

  std::shared_ptr<providers::provider> make_provider() {
    providers::docker_settings settings;
    settings.agent_program = "/bin/true"; // nobody runs it here
    settings.state_dir = files_.path();
    settings.host = "unix://" + files_.path() + "/engine.sock";
    settings.default_image = "x:1";
    return providers::make_docker_provider(context_.get_executor(), std::move(settings)).value();
  }

  template <class T>
  T run(asio::awaitable<T> work) {
    auto done = asio::co_spawn(context_, std::move(work), asio::use_future);
    return wait_for(std::move(done));
  }

  template <class T>
  T wait_for(std::future<T> done) {
    while (done.wait_for(0s) != std::future_status::ready)
      context_.run_one();
    return done.get();
  }

  result<providers::instance> start(std::chrono::milliseconds patience = 20s) {
    sandbox_spec spec;
    spec.start_timeout = patience;
    providers::start_request request;
    request.id = id_ = make_sandbox_id();
    request.spec = std::make_shared<const sandbox_spec>(spec);
    return run(provider_->start(std::move(request)));
  }

  [[nodiscard]] std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(files_.path() + "/docker/sandboxes"))
      names.push_back(entry.path().filename());
    return names;
  }

  [[nodiscard]] std::string container() const { return "sandfleet-" + id_.str(); }

  temporary_directory files_;
  asio::io_context context_;
  fake_docker engine_;
  std::shared_ptr<providers::provider> provider_;
  sandbox_id id_;
};

struct bad_call {
  std::string call;
  fault what;
  std::string name;
};

class docker_bad_starts : public docker_bad_days, public ::testing::WithParamInterface<bad_call> {};

/// Each call of a start fails in each way: the error names it, and nothing stays.
TEST_P(docker_bad_starts, fail_with_a_reason_and_leave_nothing) {
  const auto& [call, what, name] = GetParam();
  engine_.set_fault(call, what, call == "ping" ? 2 : 1); // events are asked for as well
  const auto made = start(what == fault::hangs ? 200ms : 20s);
  ASSERT_FALSE(made);
  const auto& failure = made.error();
  EXPECT_EQ(failure.blame, failure_class::infrastructure) << failure.to_string();
  EXPECT_FALSE(failure.message.empty());
  EXPECT_TRUE(may_be_retried(failure)) << failure.to_string();
  EXPECT_THAT(engine_.containers(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
  EXPECT_TRUE(start()) << "the next start goes well";
}

std::vector<bad_call> bad_calls() {
  std::vector<bad_call> all;
  for (const auto* call : {"ping", "create", "start"})
    for (const auto& [what, name] :
         {std::pair{fault::refuses, "refuses"}, std::pair{fault::resets, "resets"},
          std::pair{fault::breaks_off, "breaks_off"}, std::pair{fault::hangs, "hangs"},
          std::pair{fault::answers_nonsense, "answers_nonsense"},
          std::pair{fault::does_and_resets, "does_and_resets"}}) {
      const std::string which(call);
      // What the version's answer says is in its head, and a start's answer says nothing.
      const bool harmless =
          (which == "ping" && what == fault::breaks_off) ||
          (which == "start" && (what == fault::answers_nonsense || what == fault::breaks_off));
      if (!harmless)
        all.push_back({which, what, which + "_" + name});
    }
  return all;
}

INSTANTIATE_TEST_SUITE_P(calls, docker_bad_starts, ::testing::ValuesIn(bad_calls()),
                         [](const auto& one) { return one.param.name; });

TEST_F(docker_bad_days, an_agent_that_never_gets_ready_is_taken_away_in_time) {
  engine_.says_ready = false;
  const auto made = start(100ms);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::timed_out);
  EXPECT_THAT(engine_.containers(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(docker_bad_days, an_output_that_breaks_off_before_it_says_ready_fails_the_start) {
  engine_.set_fault("attach", fault::resets);
  const auto made = start();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().blame, failure_class::infrastructure) << made.error().to_string();
  EXPECT_THAT(engine_.containers(), IsEmpty());
}

TEST_F(docker_bad_days, an_output_that_breaks_off_later_is_followed_again_when_events_come_again) {
  ASSERT_TRUE(start());
  const auto before = engine_.calls("attach");
  engine_.cut_output(container());
  while (engine_.calls("inspect") == 0)
    context_.run_one();
  EXPECT_EQ(engine_.calls("attach"), before);
  engine_.cut_events();
  while (engine_.calls("attach") == before)
    context_.run_one();
  EXPECT_EQ(run(provider_->inspect(id_)).value(), providers::instance_state::running);
  EXPECT_TRUE(run(provider_->stop({id_})));
}

TEST_F(docker_bad_days, a_name_in_use_is_taken_over) {
  engine_.set_fault("create", fault::says_conflict);
  EXPECT_TRUE(start());
  EXPECT_EQ(engine_.calls("remove"), 1);
}

TEST_F(docker_bad_days, a_missing_image_is_pulled_once) {
  engine_.has_image = false;
  EXPECT_TRUE(start());
  EXPECT_EQ(engine_.calls("pull"), 1);
}

TEST_F(docker_bad_days, an_end_is_told_and_cleaned_up) {
  ASSERT_TRUE(start());
  auto ended = asio::co_spawn(context_, provider_->wait(id_), asio::use_future);
  engine_.end_container(container(), 3);
  const auto report = wait_for(std::move(ended));
  ASSERT_TRUE(report);
  ASSERT_TRUE(report->failure);
  EXPECT_EQ(report->failure->code, errc::sandbox_lost);
  EXPECT_EQ(report->exit_code, 3);
  EXPECT_THAT(engine_.containers(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(docker_bad_days, a_death_for_memory_is_told_as_one) {
  ASSERT_TRUE(start());
  auto ended = asio::co_spawn(context_, provider_->wait(id_), asio::use_future);
  engine_.end_container(container(), 137, true);
  const auto report = wait_for(std::move(ended));
  ASSERT_TRUE(report && report->failure);
  EXPECT_EQ(report->failure->code, errc::out_of_memory);
  EXPECT_EQ(report->failure->blame, failure_class::agent);
}

TEST_F(docker_bad_days, an_engine_that_does_not_answer_an_inspection_is_asked_again) {
  ASSERT_TRUE(start());
  engine_.set_fault("inspect", fault::resets, 1000);
  auto ended = asio::co_spawn(context_, provider_->wait(id_), asio::use_future);
  engine_.end_container(container(), 0);
  while (engine_.calls("inspect") == 0)
    context_.run_one();
  engine_.cut_events();
  engine_.set_fault("inspect", fault::none, 0);
  const auto report = wait_for(std::move(ended));
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->failure);
}

TEST_F(docker_bad_days, what_could_not_be_removed_is_removed_by_the_next_provider) {
  engine_.says_ready = false;
  engine_.set_fault("remove", fault::refuses);
  ASSERT_FALSE(start(100ms));
  EXPECT_THAT(engine_.containers(), ::testing::ElementsAre(container()));
  EXPECT_THAT(entries(), ::testing::ElementsAre(id_.str()));
  provider_->close();
  provider_ = make_provider();
  const auto found = run(provider_->recover(providers::recovery_mode::remove));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->removed.size(), 1U);
  EXPECT_EQ(found->removed[0].id, id_);
  EXPECT_THAT(engine_.containers(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(docker_bad_days, a_stop_that_is_refused_can_be_asked_again) {
  ASSERT_TRUE(start());
  engine_.set_fault("remove", fault::refuses);
  const auto refused = run(provider_->stop({id_}));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().cause, HasSubstr("something is wrong here"));
  const auto done = run(provider_->stop({id_}));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_FALSE(done->failure);
  EXPECT_THAT(engine_.containers(), IsEmpty());
}

} // namespace
} // namespace sandfleet::tests
