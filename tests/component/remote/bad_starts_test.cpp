#include "tests/component/remote/bad_days.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

namespace sandfleet::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class remote_bad_starts : public remote_bad_days, public ::testing::WithParamInterface<bad_call> {
 protected:
  result<providers::instance> start_through_call(std::chrono::milliseconds time) {
    sandbox_spec spec;
    spec.start_timeout = time;
    if (GetParam().call == "session")
      spec.session_id = "one";
    return start(std::move(spec));
  }
};

/// Whose fault it is that a call is answered so for ever.
failure_class blame_of(mischief what, const std::string& call) {
  if (call == "alive") // an agent that does not answer
    return failure_class::infrastructure;
  return what == mischief::forbids ? failure_class::task : failure_class::infrastructure;
}

/// Each call of a start fails in each way for ever: a reason, and nothing stays.
TEST_P(remote_bad_starts, fail_with_a_reason_and_leave_nothing) {
  const auto& [call, what, name] = GetParam();
  be_impatient();
  service_.set(call, what, always);
  const auto made = start_through_call(400ms);
  ASSERT_FALSE(made);
  const auto& failure = made.error();
  EXPECT_EQ(failure.blame, blame_of(what, call)) << failure.to_string();
  EXPECT_FALSE(failure.message.empty());
  EXPECT_FALSE(failure.cause.empty() && failure.evidence.empty()) << failure.to_string();
  EXPECT_THAT(failure.to_string(), Not(HasSubstr(service_.key)));
  service_.set(call, mischief::none, 0);
  wait_until_nothing_is_left();
  EXPECT_THAT(service_.wrong_keys, IsEmpty());
  provider_->close();
  provider_ = make_provider();
  const auto next = start_through_call(20s);
  EXPECT_TRUE(next) << next.error().to_string();
  EXPECT_EQ(service_.rows.size(), 1U);
}

const std::vector<std::string> start_calls = {"session", "start", "runtime", "alive"};

INSTANTIATE_TEST_SUITE_P(calls, remote_bad_starts,
                         ::testing::ValuesIn(bad_calls(start_calls, {"alive"}, lasts)), name_of);

/// What passes is waited for.
class remote_passing_trouble : public remote_bad_starts {};

TEST_P(remote_passing_trouble, is_outlived_by_a_start_that_makes_one_sandbox) {
  const auto& [call, what, name] = GetParam();
  service_.set(call, what, 2);
  const auto made = start_through_call(30s);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(service_.rows.size(), 1U);
  EXPECT_EQ(made->session_key, service_.session_key);
}

INSTANTIATE_TEST_SUITE_P(calls, remote_passing_trouble,
                         ::testing::ValuesIn(bad_calls(start_calls, {}, passes)), name_of);

/// A start is taken back while each of its calls is under way.
class remote_cancelled_starts : public remote_bad_days,
                                public ::testing::WithParamInterface<std::string> {};

TEST_P(remote_cancelled_starts, leave_nothing) {
  service_.looks_until_ready = 2;
  if (GetParam() == "alive") // which would be answered before the start hears of it
    service_.set("alive", mischief::hangs);
  asio::cancellation_signal cancel;
  service_.on_call = [&](const std::string& call) {
    if (call == GetParam())
      asio::post(context_, [&] { cancel.emit(asio::cancellation_type::terminal); });
  };
  sandbox_spec spec;
  spec.session_id = "one";
  auto done = asio::co_spawn(context_, provider_->start(request_for(std::move(spec))),
                             asio::bind_cancellation_slot(cancel.slot(), asio::use_future));
  while (done.wait_for(0s) != std::future_status::ready)
    context_.run_one();
  const auto made = done.get();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::cancelled) << made.error().to_string();
  wait_until_nothing_is_left();
}

INSTANTIATE_TEST_SUITE_P(calls, remote_cancelled_starts,
                         ::testing::Values("session", "start", "runtime", "alive"),
                         [](const auto& one) { return one.param; });

using remote_starts = remote_bad_days;

TEST_F(remote_starts, say_what_they_want_and_where_the_agent_is) {
  sandbox_spec spec;
  spec.workspace = "/home/work";
  spec.env = {{"A", "b"}};
  spec.image = "python:3.12";
  spec.limits.memory_mb = 512;
  service_.looks_until_ready = 3;
  const auto made = start(spec);
  ASSERT_TRUE(made) << made.error().to_string();
  const auto& [id, row] = *service_.rows.begin();
  EXPECT_EQ(made->agent.path, "/" + id);
  EXPECT_TRUE(made->agent.is_behind_gateway);
  EXPECT_EQ(made->agent.where,
            transport::endpoint(transport::tcp_endpoint{"127.0.0.1", service_.port()}));
  EXPECT_EQ(made->workspace, "/home/work");
  EXPECT_THAT(made->limits.at("memory_mb"), HasSubstr("unenforced"));
  EXPECT_EQ(row.asked.session_id, id_.str());
  EXPECT_EQ(row.asked.image, "python:3.12");
  EXPECT_EQ(row.asked.environment, spec.env);
  const auto server = protocol::read_action_server_command(row.asked.command);
  ASSERT_TRUE(server && *server);
  EXPECT_EQ((*server)->working_dir, "/home/work");
  EXPECT_EQ(service_.calls("session"), 0);
  EXPECT_EQ(service_.calls("runtime"), 3); // the answer of the start was one look
}

TEST_F(remote_starts, refuse_what_a_service_has_no_words_for) {
  std::map<std::string, sandbox_spec> wishes;
  wishes["volumes"].volumes = {{"/a", "/b", false}};
  wishes["network"].network = "bridge";
  wishes["session_key"].session_key = std::string(32, 'k');
  wishes["capabilities"].docker.capabilities = {"SYS_PTRACE"};
  wishes["read_only_root"].docker.read_only_root = true;
  wishes["enable_gpu"].docker.gpu = true;
  for (const auto& [key, spec] : wishes) {
    const auto made = start(spec);
    ASSERT_FALSE(made) << key;
    EXPECT_EQ(made.error().code, errc::unsupported);
    EXPECT_EQ(made.error().blame, failure_class::task);
    EXPECT_THAT(made.error().message, HasSubstr(key + ":"));
  }
  EXPECT_EQ(service_.calls("start"), 0);
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(remote_starts, take_up_the_sandbox_of_their_session_paused_or_not) {
  protocol::runtime_start asked;
  asked.session_id = "one";
  for (const char* status : {"running", "paused"}) {
    service_.rows.clear();
    auto& row = service_.rows["rt77"];
    row.told = {.runtime_id = "rt77",
                .session_id = "one",
                .url = service_.url() + "/rt77",
                .status = status,
                .pod_status = "ready",
                .session_api_key = service_.session_key};
    sandbox_spec spec;
    spec.session_id = "one";
    const auto made = start(spec);
    ASSERT_TRUE(made) << made.error().to_string();
    EXPECT_EQ(made->agent.path, "/rt77");
    EXPECT_EQ(told().status, "running");
    ASSERT_TRUE(run(provider_->stop({id_})));
  }
  EXPECT_EQ(service_.calls("start"), 0);
  EXPECT_EQ(service_.calls("resume"), 1);
}

TEST_F(remote_starts, that_fail_leave_a_sandbox_that_was_there_before) {
  auto& row = service_.rows["rt77"];
  row.told = {.runtime_id = "rt77",
              .session_id = "one",
              .url = service_.url() + "/rt77",
              .status = "running",
              .pod_status = "ready"};
  service_.set("alive", mischief::bad_gateway, always);
  sandbox_spec spec;
  spec.session_id = "one";
  spec.start_timeout = 50ms;
  const auto made = start(spec);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::timed_out) << made.error().to_string();
  EXPECT_EQ(service_.rows.size(), 1U);
  EXPECT_EQ(service_.calls("stop"), 0);
  EXPECT_THAT(entries(), IsEmpty());
}

struct fatal_state {
  std::string pod_status;
  std::vector<std::string> reasons;
  errc code;
  failure_class blame;
};

TEST_F(remote_starts, end_at_states_that_will_not_become_better) {
  for (const auto& [pod_status, reasons, code, blame] : std::vector<fatal_state>{
           {"failed", {"ImagePullBackOff"}, errc::start_failed, failure_class::infrastructure},
           {"unknown", {}, errc::start_failed, failure_class::infrastructure},
           {"CrashLoopBackOff", {"Error"}, errc::start_failed, failure_class::ambiguous},
           {"crashloopbackoff", {"OOMKilled"}, errc::out_of_memory, failure_class::task}}) {
    service_.on_call = [&, &pod = pod_status, &why = reasons](const std::string& call) {
      if (call != "runtime")
        return;
      told().pod_status = pod;
      told().restart_count = 2;
      told().restart_reasons = why;
    };
    const auto made = start();
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, code) << made.error().to_string();
    EXPECT_EQ(made.error().blame, blame) << made.error().to_string();
    EXPECT_THAT(made.error().evidence,
                Contains(std::pair<std::string, evidence_value>("restart_count", std::int64_t{2})));
    if (!reasons.empty()) {
      EXPECT_THAT(made.error().evidence,
                  Contains(std::pair<std::string, evidence_value>("restart_reasons", reasons[0])));
    }
    EXPECT_THAT(service_.rows, IsEmpty());
    EXPECT_THAT(entries(), IsEmpty());
  }
}

TEST_F(remote_starts, have_a_time_and_say_how_far_they_came) {
  service_.looks_until_ready = always;
  const auto made = start_within(100ms);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::timed_out);
  EXPECT_THAT(made.error().cause, HasSubstr("pending"));
  EXPECT_THAT(service_.rows, IsEmpty());
}

} // namespace
} // namespace sandfleet::tests
