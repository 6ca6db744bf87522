#include "runtime/providers/registry.hpp"
#include "tests/component/remote/bad_days.hpp"

namespace sandfleet::tests {
namespace {

using providers::instance_state;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A call about a sandbox that runs is answered in each way, once and for ever.
class remote_bad_calls : public remote_bad_days, public ::testing::WithParamInterface<bad_call> {
 protected:
  result<void> make_call() {
    const auto& call = GetParam().call;
    if (call == "runtime")
      return forget(run(provider_->inspect(id_)));
    if (call == "pause")
      return run(provider_->pause(id_));
    if (call == "resume") {
      told().status = "paused";
      return forget(run(provider_->resume(id_)));
    }
    if (call == "list")
      return forget(run(provider_->list()));
    if (call == "life") {
      providers::keep_request request;
      request.id = id_;
      request.time_to_live = 1h;
      return run(provider_->keep(request));
    }
    return forget(run(provider_->stop({id_})));
  }

  template <class T>
  static result<void> forget(const result<T>& done) {
    return done ? result<void>() : fail(done.error());
  }
};

TEST_P(remote_bad_calls, end_in_a_value_and_the_sandbox_can_be_stopped_afterwards) {
  const auto& [call, what, name] = GetParam();
  be_impatient();
  ASSERT_TRUE(start());
  service_.set(call, what, always);
  const auto done = make_call();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().blame,
            what == mischief::forbids ? failure_class::task : failure_class::infrastructure)
      << done.error().to_string();
  EXPECT_THAT(done.error().to_string(), ::testing::Not(HasSubstr(service_.key)));
  service_.set(call, mischief::none, 0);
  (void)run(provider_->stop({id_}));
  wait_until_nothing_is_left();
}

const std::vector<std::string> later_calls = {"runtime", "pause", "resume", "stop", "list"};
const std::vector<std::string> without_body = {"pause", "resume", "stop"};

INSTANTIATE_TEST_SUITE_P(calls, remote_bad_calls,
                         ::testing::ValuesIn(bad_calls(later_calls, without_body, lasts)), name_of);

class remote_passing_days : public remote_bad_calls {};

TEST_P(remote_passing_days, do_what_was_asked) {
  ASSERT_TRUE(start());
  service_.set(GetParam().call, GetParam().what, 2);
  const auto done = make_call();
  EXPECT_TRUE(done) << done.error().to_string();
}

INSTANTIATE_TEST_SUITE_P(calls, remote_passing_days,
                         ::testing::ValuesIn(bad_calls(later_calls, {}, passes)), name_of);

using remote_days = remote_bad_days;

TEST_F(remote_days, stop_is_idempotent_and_a_sandbox_that_has_gone_is_stopped) {
  ASSERT_TRUE(start());
  service_.rows.clear();
  EXPECT_TRUE(run(provider_->stop({id_})));
  EXPECT_TRUE(run(provider_->stop({id_})));
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(remote_days, inspection_tells_what_became_of_it) {
  ASSERT_TRUE(start());
  EXPECT_EQ(run(provider_->inspect(id_)), instance_state::running);
  told().status = "paused";
  EXPECT_EQ(run(provider_->inspect(id_)), instance_state::paused);
  told().status = "stopped";
  EXPECT_EQ(run(provider_->inspect(id_)), instance_state::gone);
  const auto last = run(provider_->stop({id_}));
  ASSERT_TRUE(last && last->failure);
  EXPECT_EQ(last->failure->code, errc::sandbox_lost);
  EXPECT_THAT(last->failure->cause, HasSubstr("stopped"));
}

TEST_F(remote_days, an_end_is_seen_by_who_waits_and_what_is_left_of_it_goes) {
  ASSERT_TRUE(start());
  const auto looks = service_.calls("runtime");
  service_.on_call = [&](const std::string& call) {
    if (call == "runtime" && service_.calls("runtime") == looks + 3) {
      told().status = "error";
      told().pod_status = "crashloopbackoff";
      told().restart_reasons = {"OOMKilled"};
    }
  };
  const auto report = run(provider_->wait(id_));
  ASSERT_TRUE(report && report->failure);
  EXPECT_EQ(report->failure->code, errc::out_of_memory);
  EXPECT_EQ(report->failure->blame, failure_class::agent);
  EXPECT_THAT(service_.rows, IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(remote_days, who_waits_is_not_told_of_a_service_that_is_away_for_a_while) {
  ASSERT_TRUE(start());
  const auto looks = service_.calls("runtime");
  service_.set("runtime", mischief::refuses, 3);
  service_.on_call = [&](const std::string& call) {
    if (call == "runtime" && service_.calls("runtime") == looks + 5)
      service_.rows.clear();
  };
  const auto report = run(provider_->wait(id_));
  ASSERT_TRUE(report && report->failure);
  EXPECT_EQ(service_.calls("runtime"), looks + 5);
}

TEST_F(remote_days, a_verdict_that_the_service_tells_is_kept_whole) {
  ASSERT_TRUE(start());
  told().status = "error";
  told().failure = make_error(errc::sandbox_lost, "it was killed")
                       .blamed_on(failure_class::agent)
                       .with("signal", std::int64_t{9});
  EXPECT_EQ(run(provider_->inspect(id_)), instance_state::gone);
  const auto last = run(provider_->stop({id_}));
  ASSERT_TRUE(last && last->failure);
  EXPECT_EQ(last->failure->blame, failure_class::agent);
  EXPECT_EQ(last->failure->cause, "it was killed");
  EXPECT_THAT(last->failure->evidence, ::testing::Contains(std::pair<std::string, evidence_value>(
                                           "signal", std::int64_t{9})));
}

TEST_F(remote_days, sandboxes_of_others_are_listed_and_can_be_attached) {
  ASSERT_TRUE(start());
  service_.rows["rt50"].told = {.runtime_id = "rt50",
                                .session_id = "talk",
                                .url = service_.url() + "/rt50",
                                .status = "paused"};
  service_.rows["rt51"].told = {.runtime_id = "rt51",
                                .session_id = "../../../etc",
                                .url = service_.url() + "/rt51",
                                .status = "running"};
  const auto listed = run(provider_->list());
  ASSERT_TRUE(listed) << listed.error().to_string();
  ASSERT_EQ(listed->size(), 3U);
  for (const auto& one : *listed) {
    if (one.id == id_)
      continue;
    EXPECT_TRUE(one.kept);
    const auto taken = run(provider_->attach(one.id));
    ASSERT_TRUE(taken) << taken.error().to_string();
    EXPECT_EQ(taken->paused, one.session_id == "talk");
    EXPECT_FALSE(taken->foreign);
    EXPECT_TRUE(run(provider_->release(one.id)));
  }
  const auto again = run(provider_->list());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->size(), 3U);
  EXPECT_FALSE(run(provider_->attach(sandbox_id("sb-0000000000000000"))));
}

/// An engine that died is known by its lease, which nobody holds.
class remote_recovery : public remote_bad_days {
 protected:
  void leave_behind(bool kept, bool was_asked_for, const std::string& runtime_id,
                    const std::string& session) {
    auto entries = providers::registry::open(files_.path() + "/remote").value();
    providers::sandbox_record record;
    record.id = id_ = make_sandbox_id();
    record.session_id = session;
    record.owner = "gone";
    record.kept = kept;
    record.engine = service_.url();
    record.was_asked_for = was_asked_for;
    record.runtime_id = runtime_id;
    ASSERT_TRUE(entries->add(record, ""));
  }

  void add_row(const std::string& id, const std::string& session) {
    service_.rows[id].told = {.runtime_id = id,
                              .session_id = session,
                              .url = service_.url() + "/" + id,
                              .status = "running",
                              .pod_status = "ready"};
  }

  providers::recovery_report recover() {
    return run(provider_->recover(providers::recovery_mode::remove)).value();
  }
};

TEST_F(remote_recovery, stops_what_an_engine_that_died_has_left) {
  leave_behind(false, true, "rt7", "");
  add_row("rt7", id_.str());
  EXPECT_EQ(recover().removed.size(), 1U);
  EXPECT_THAT(service_.rows, IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(remote_recovery, finds_by_its_session_what_was_asked_for_and_never_answered) {
  leave_behind(false, true, "", "");
  add_row("rt7", id_.str());
  EXPECT_EQ(recover().removed.size(), 1U);
  EXPECT_THAT(service_.rows, IsEmpty());
}

TEST_F(remote_recovery, leaves_a_session_that_was_only_looked_for) {
  leave_behind(false, false, "", "one");
  add_row("rt7", "one");
  EXPECT_EQ(recover().removed.size(), 1U);
  EXPECT_EQ(service_.rows.size(), 1U);
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(remote_recovery, leaves_those_that_were_kept_while_they_live) {
  leave_behind(true, true, "rt7", "");
  add_row("rt7", id_.str());
  EXPECT_THAT(recover().removed, IsEmpty());
  EXPECT_EQ(service_.rows.size(), 1U);
  service_.rows.clear();
  EXPECT_EQ(recover().removed.size(), 1U);
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(remote_recovery, asks_nothing_when_nothing_was_left_and_fails_softly_without_a_service) {
  EXPECT_THAT(recover().removed, IsEmpty());
  EXPECT_EQ(service_.calls("session") + service_.calls("runtime") + service_.calls("stop"), 0);
  be_impatient();
  leave_behind(false, true, "rt7", "");
  add_row("rt7", id_.str());
  service_.set("stop", mischief::resets, always);
  const auto report = recover();
  EXPECT_THAT(report.removed, IsEmpty());
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(entries().size(), 1U);
  service_.set("stop", mischief::none, 0);
  EXPECT_EQ(recover().removed.size(), 1U);
}

TEST(remote_provider, wants_an_address_and_a_key) {
  asio::io_context context;
  providers::remote_settings settings;
  settings.state_dir = "/tmp";
  const auto problem = [&] {
    return providers::make_remote_provider(context.get_executor(), settings).error();
  };
  EXPECT_THAT(problem().hint, HasSubstr("SANDBOX_API_KEY"));
  settings.service.api_key = "two\r\nlines";
  EXPECT_THAT(problem().message, HasSubstr("api_key"));
  EXPECT_THAT(problem().to_string(), ::testing::Not(HasSubstr("lines")));
  settings.service.api_key = "good";
  settings.service.api_url = "ftp://x";
  EXPECT_EQ(problem().code, errc::invalid_configuration);
  EXPECT_THAT(problem().message, HasSubstr("remote_runtime_api_url"));
}

} // namespace
} // namespace sandfleet::tests
