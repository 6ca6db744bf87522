#include "tests/component/docker/bad_days.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// How a start is asked for, so that it comes by the call.
sandbox_spec spec_with(const std::string& call) {
  sandbox_spec spec;
  if (call == "connect")
    spec.docker.networks = {"others"};
  if (call == "archive") {
    spec.network = "bridge";
    spec.docker.connection = docker_connection::ports;
  }
  return spec;
}

struct bad_call {
  std::string call;
  fault what;
  std::string name;
};

class docker_bad_starts : public docker_bad_days, public ::testing::WithParamInterface<bad_call> {
 protected:
  void SetUp() override {
    const auto& call = GetParam().call;
    if (call == "pull")
      engine_.has_image = false;
    if (call != "archive")
      return;
    // An engine elsewhere gets the agent by a call of its own.
    provider_->close();
    provider_ = make_provider("tcp://127.0.0.1:" + std::to_string(engine_.listen_on_tcp()));
  }

  result<providers::instance> start_through_call() {
    auto spec = spec_with(GetParam().call);
    if (GetParam().what == fault::hangs)
      spec.start_timeout = 200ms;
    return start(std::move(spec));
  }
};

/// Each call of a start fails in each way: the error names it, and nothing stays.
TEST_P(docker_bad_starts, fail_with_a_reason_and_leave_nothing) {
  const auto& [call, what, name] = GetParam();
  engine_.set_fault(call, what, always);
  const auto made = start_through_call();
  ASSERT_FALSE(made);
  const auto& failure = made.error();
  EXPECT_EQ(failure.blame, failure_class::infrastructure) << failure.to_string();
  EXPECT_FALSE(failure.message.empty());
  EXPECT_TRUE(may_be_retried(failure)) << failure.to_string();
  if (what == fault::disk_is_full) {
    EXPECT_EQ(failure.code, errc::io_error) << failure.to_string();
    EXPECT_THAT(failure.hint, HasSubstr("disk is full"));
  }
  if (what == fault::forbids) {
    EXPECT_EQ(failure.code, errc::permission_denied) << failure.to_string();
  }
  EXPECT_THAT(engine_.containers(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
  engine_.set_fault(call, fault::none, 0);
  const auto next = start(spec_with(call));
  EXPECT_TRUE(next) << next.error().to_string();
}

/// What went wrong on the way may also have made the removal fail: it is tried until it succeeds.
TEST_P(docker_bad_starts, leave_nothing_where_the_engine_recovers) {
  const auto& [call, what, name] = GetParam();
  engine_.set_fault(call, what, always);
  engine_.set_fault("remove", fault::refuses, 2);
  ASSERT_FALSE(start_through_call());
  engine_.set_fault(call, fault::none, 0);
  while (!engine_.containers().empty() || !entries().empty())
    context_.run_one();
  const auto next = start(spec_with(call));
  EXPECT_TRUE(next) << next.error().to_string();
}

/// Whether that is no bad day: a start takes no harm by it, or somebody else is to blame.
bool is_harmless(const std::string& call, fault what) {
  switch (what) {
  case fault::breaks_off: // the version is in the head; nothing is said by what some calls answer
    return call == "ping" || call == "start" || call == "connect" || call == "archive";
  case fault::answers_nonsense:
    return call == "start" || call == "connect" || call == "archive" || call == "pull";
  case fault::says_missing: // no such image, network, registry
    return call == "image" || call == "connect" || call == "pull";
  case fault::forbids: // it is the registry that does
    return call == "pull";
  default:
    return false;
  }
}

std::vector<bad_call> bad_calls() {
  std::vector<bad_call> all;
  for (const std::string call :
       {"ping", "create", "attach", "start", "image", "pull", "connect", "archive"})
    for (const auto& [what, name] :
         {std::pair{fault::refuses, "refuses"}, std::pair{fault::says_conflict, "says_conflict"},
          std::pair{fault::says_missing, "says_missing"}, std::pair{fault::forbids, "forbids"},
          std::pair{fault::disk_is_full, "disk_is_full"},
          std::pair{fault::port_is_taken, "port_is_taken"}, std::pair{fault::resets, "resets"},
          std::pair{fault::breaks_off, "breaks_off"}, std::pair{fault::hangs, "hangs"},
          std::pair{fault::answers_nonsense, "answers_nonsense"},
          std::pair{fault::does_and_resets, "does_and_resets"}})
      if (!is_harmless(call, what))
        all.push_back({call, what, call + "_" + name});
  return all;
}

INSTANTIATE_TEST_SUITE_P(calls, docker_bad_starts, ::testing::ValuesIn(bad_calls()),
                         [](const auto& one) { return one.param.name; });

TEST_F(docker_bad_days, a_socket_that_is_not_there_is_named_with_what_to_do) {
  provider_->close();
  provider_ = make_provider("unix://" + files_.path() + "/none.sock");
  const auto made = start();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::connection_failed);
  EXPECT_EQ(made.error().blame, failure_class::infrastructure);
  EXPECT_THAT(made.error().message, HasSubstr("none.sock"));
  EXPECT_THAT(made.error().hint, HasSubstr("start Docker"));
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(docker_bad_days, a_socket_that_may_not_be_used_is_named_with_what_to_do) {
  constexpr uid_t nobody = 65534;
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root can become another user";
  provider_->close();
  const auto path = files_.path() + "/engine.sock";
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  const temporary_directory theirs;
  ASSERT_EQ(::chmod(files_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chown(theirs.path().c_str(), nobody, nobody), 0);
  ASSERT_EQ(::seteuid(nobody), 0);
  provider_ = make_provider("unix://" + path, theirs.path());
  const auto made = start();
  provider_->close();
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::permission_denied) << made.error().to_string();
  EXPECT_EQ(made.error().blame, failure_class::infrastructure);
  EXPECT_THAT(made.error().hint, HasSubstr("usermod"));
}

/// What happens beside a start, at each of its calls.
class docker_troubled_starts : public docker_bad_days,
                               public ::testing::WithParamInterface<const char*> {
 protected:
  void at_call(std::function<void()> happen) {
    engine_.on_call = [this, happen = std::move(happen)](const std::string& call, const auto&) {
      if (call == GetParam() && !std::exchange(has_happened_, true))
        happen();
    };
  }

  bool has_happened_ = false;
};

TEST_P(docker_troubled_starts, survive_the_end_of_the_stream_of_events) {
  at_call([this] { engine_.cut_events(); });
  const auto made = start();
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_TRUE(has_happened_);
  auto ended = asio::co_spawn(context_, provider_->wait(id_), asio::use_future);
  engine_.end_container(container(), 3);
  EXPECT_TRUE(wait_for(std::move(ended))->failure);
  EXPECT_THAT(engine_.containers(), IsEmpty());
}

TEST_P(docker_troubled_starts, are_cancelled_and_leave_nothing) {
  asio::cancellation_signal stop;
  std::optional<result<providers::instance>> outcome;
  at_call([&] { asio::post(context_, [&] { stop.emit(asio::cancellation_type::terminal); }); });
  asio::co_spawn(
      context_, provider_->start(request_for({})),
      asio::bind_cancellation_slot(stop.slot(), [&](const std::exception_ptr& thrown, auto made) {
        outcome = thrown ? fail(errc::cancelled, "thrown") : std::move(made);
      }));
  while (!outcome)
    context_.run_one();
  EXPECT_TRUE(has_happened_);
  if (*outcome) { // it was ready before
    EXPECT_TRUE(run(provider_->stop({id_})));
  } else {
    EXPECT_EQ(outcome->error().code, errc::cancelled);
  }
  EXPECT_THAT(engine_.containers(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(calls, docker_troubled_starts,
                         ::testing::Values("ping", "create", "attach", "start"),
                         [](const auto& one) { return std::string(one.param); });

TEST_F(docker_bad_days, a_container_that_ends_at_once_fails_its_start_and_is_gone) {
  engine_.ends_at_once = true;
  const auto made = start();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::start_failed) << made.error().to_string();
  EXPECT_EQ(made.error().blame, failure_class::infrastructure);
  EXPECT_THAT(engine_.containers(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(docker_bad_days, a_container_that_is_killed_before_it_is_ready_fails_its_start_and_is_gone) {
  engine_.says_ready = false;
  auto starting = asio::co_spawn(context_, provider_->start(request_for({})), asio::use_future);
  while (engine_.calls("start") == 0)
    context_.run_one();
  context_.poll();
  engine_.end_container(container(), 137);
  const auto made = wait_for(std::move(starting));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::start_failed) << made.error().to_string();
  EXPECT_THAT(made.error().cause, HasSubstr("from outside"));
  EXPECT_THAT(engine_.containers(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(docker_bad_days, a_port_that_is_taken_is_given_up_for_another) {
  sandbox_spec spec;
  spec.network = "bridge";
  spec.docker.connection = docker_connection::ports;
  engine_.set_fault("start", fault::port_is_taken, 2);
  EXPECT_TRUE(start(spec));
  EXPECT_EQ(engine_.calls("create"), 3);
}

TEST_F(docker_bad_days, an_end_while_the_engine_was_away_is_the_engines_unless_it_restores) {
  for (const bool live_restore : {false, true}) {
    engine_.live_restore = live_restore;
    ASSERT_TRUE(start());
    auto ended = asio::co_spawn(context_, provider_->wait(id_), asio::use_future);
    const auto seen = engine_.calls("inspect");
    engine_.set_fault("inspect", fault::resets, always);
    engine_.end_container(container(), 143);
    while (engine_.calls("inspect") < seen + 2) // it is asked twice
      context_.run_one();
    engine_.set_fault("inspect", fault::none, 0);
    engine_.cut_events();
    const auto report = wait_for(std::move(ended));
    ASSERT_TRUE(report && report->failure);
    EXPECT_EQ(report->failure->blame, failure_class::infrastructure);
    EXPECT_THAT(report->failure->cause,
                HasSubstr(live_restore ? "from outside" : "the Docker engine was stopped"));
  }
}

TEST_F(docker_bad_days, an_end_whose_container_cannot_be_removed_yet_is_told_all_the_same) {
  ASSERT_TRUE(start());
  auto ended = asio::co_spawn(context_, provider_->wait(id_), asio::use_future);
  engine_.set_fault("remove", fault::refuses, 3);
  engine_.end_container(container(), 3);
  const auto report = wait_for(std::move(ended));
  ASSERT_TRUE(report && report->failure);
  while (!engine_.containers().empty() || !entries().empty())
    context_.run_one();
}

TEST_F(docker_bad_days, what_an_earlier_attempt_left_goes_before_the_next) {
  engine_.set_fault("start", fault::refuses);
  engine_.set_fault("remove", fault::refuses, 1);
  const auto request = request_for({});
  ASSERT_FALSE(run(provider_->start(request)));
  EXPECT_THAT(engine_.containers(), ::testing::ElementsAre(container()));
  const auto made = run(provider_->start(request));
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(engine_.calls("remove"), 2);
  EXPECT_TRUE(run(provider_->stop({id_})));
}

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
  engine_.set_fault("remove", fault::refuses, always);
  ASSERT_FALSE(start(100ms));
  EXPECT_THAT(engine_.containers(), ::testing::ElementsAre(container()));
  EXPECT_THAT(entries(), ::testing::ElementsAre(id_.str()));
  provider_->close();
  provider_.reset();
  context_.poll();
  engine_.set_fault("remove", fault::none, 0);
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
