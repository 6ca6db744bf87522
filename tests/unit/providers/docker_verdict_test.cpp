#include "runtime/docker/client.hpp"
#include "runtime/providers/docker/start_failure.hpp"
#include "runtime/providers/docker/verdict.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

namespace sandfleet::providers::docker {
namespace {

using sandfleet::docker::container_info;
using sandfleet::docker::explain_refusal;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

end_facts facts(std::int64_t exit_code, bool was_ready = true) {
  end_facts made;
  made.id = sandbox_id("sb-1");
  made.was_ready = was_ready;
  made.container = container_info{};
  made.container->exit_code = exit_code;
  return made;
}

TEST(container_end, that_was_asked_for_is_no_failure) {
  auto asked = facts(137);
  asked.was_asked = true;
  const auto report = judge_end(asked);
  EXPECT_FALSE(report.failure);
  EXPECT_EQ(report.signal, 9);
  EXPECT_FALSE(report.exit_code);
}

TEST(container_end, by_the_oom_killer_is_the_tasks_doing) {
  auto killed = facts(137);
  killed.container->out_of_memory = true;
  auto report = judge_end(killed);
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code, errc::out_of_memory);
  EXPECT_EQ(report.failure->blame, failure_class::agent);
  EXPECT_EQ(report.usage.oom_kills, 1);

  killed.container->out_of_memory = false;
  killed.oom_kills = 3;
  report = judge_end(killed);
  EXPECT_EQ(report.failure->code, errc::out_of_memory);
  EXPECT_EQ(report.usage.oom_kills, 3);
}

TEST(container_end, from_outside_says_so) {
  const auto report = judge_end(facts(137));
  EXPECT_EQ(report.failure->code, errc::sandbox_lost);
  EXPECT_EQ(report.failure->blame, failure_class::infrastructure);
  EXPECT_THAT(report.failure->cause, HasSubstr("from outside"));
  EXPECT_THAT(judge_end(facts(0)).failure->cause, HasSubstr("from outside")); // 'docker stop'
  auto removed = facts(0);
  removed.container.reset();
  EXPECT_THAT(judge_end(removed).failure->cause, HasSubstr("removed"));
}

TEST(container_end, by_way_of_the_engine_says_which_signal) {
  for (const auto& [code, signal] : {std::pair{0, SIGTERM}, std::pair{143, SIGTERM},
                                     std::pair{137, SIGKILL}, std::pair{129, SIGHUP}}) {
    auto told = facts(code);
    told.sent_signal = signal;
    const auto report = judge_end(told);
    EXPECT_EQ(report.failure->blame, failure_class::infrastructure);
    EXPECT_THAT(report.failure->cause, HasSubstr("'docker stop'")) << code;
    EXPECT_THAT(report.failure->evidence,
                Contains(Pair("sent_signal", evidence_value(std::int64_t{signal}))));
  }
  auto other = facts(3);
  other.sent_signal = SIGUSR1;
  EXPECT_EQ(judge_end(other).failure->cause, "");
  EXPECT_THAT(judge_end(facts(137)).failure->cause, HasSubstr("not by way of the engine"));
}

TEST(container_end, with_the_engines_own_says_so) {
  for (const auto code : {0, 137, 143}) {
    auto stopped = facts(code);
    stopped.ended_by_engine = true;
    const auto report = judge_end(stopped);
    EXPECT_EQ(report.failure->code, errc::sandbox_lost);
    EXPECT_EQ(report.failure->blame, failure_class::infrastructure);
    EXPECT_THAT(report.failure->cause, HasSubstr("the Docker engine was stopped"));
    EXPECT_THAT(report.failure->hint, HasSubstr("live-restore"));
  }
  EXPECT_FALSE(may_be_told_to_end(facts(3)));
  auto out_of_memory = facts(137);
  out_of_memory.oom_kills = 1;
  EXPECT_FALSE(may_be_told_to_end(out_of_memory));
}

TEST(container_end, at_the_end_of_its_time_is_no_fault_of_the_machine) {
  auto expired = facts(0);
  expired.lived_its_time = true;
  const auto report = judge_end(expired);
  EXPECT_EQ(report.failure->blame, failure_class::task);
  EXPECT_THAT(report.failure->cause, HasSubstr("time to live"));
}

TEST(container_end, before_it_is_ready_is_a_failed_start) {
  EXPECT_EQ(judge_end(facts(1, false)).failure->code, errc::start_failed);
  const auto report = judge_end(facts(127, false));
  EXPECT_EQ(report.failure->code, errc::not_found);
  EXPECT_EQ(report.failure->blame, failure_class::task);
  EXPECT_THAT(report.failure->cause, HasSubstr("neither bash nor sh"));
}

TEST(container_end, for_want_of_a_workspace_is_the_tasks_fault) {
  const auto report = judge_end(facts(126, false));
  EXPECT_EQ(report.failure->blame, failure_class::task);
  EXPECT_THAT(report.failure->cause, HasSubstr("no directory"));
}

TEST(refused_start, for_a_mistake_of_the_task_is_no_fault_of_the_machine) {
  for (const auto& [status, said] :
       {std::pair{500, "Unable to find group x: no matching entries in group file"},
        std::pair{500, "sysctl 'kernel.x' is not in a separate kernel namespace: unknown"},
        std::pair{500, "error mounting 'tmpfs' to rootfs at '/x': data: size=y: invalid argument"},
        std::pair{500, "error setting rlimit type 7: invalid argument: unknown"},
        std::pair{500, "wrong rlimit value: RLIMIT_X: unknown"},
        std::pair{500, "address zz: invalid MAC address"},
        std::pair{500, "invalid device cgroup rule format: 'x'"},
        std::pair{500, "stat /dev/x: no such file or directory"},
        std::pair{500, "write /sys/fs/cgroup/cpu/x/cpu.rt_runtime_us: invalid argument: unknown"},
        std::pair{400, "No such container: other"}}) {
    std::string text(said);
    std::ranges::replace(text, '\'', '"');
    auto refusal = explain_refusal("start it", status, text);
    refusal = explain_start(std::move(refusal));
    EXPECT_EQ(refusal.blame, failure_class::task) << text;
    EXPECT_FALSE(refusal.hint.empty()) << text;
  }
  const auto may_not =
      explain_start(explain_refusal("x", 500, "error setting rlimit type 7: not permitted"));
  EXPECT_EQ(may_not.blame, failure_class::infrastructure);
}

TEST(refused_start, has_the_class_of_what_the_daemon_says) {
  const auto explained = [](int status, const std::string& said) {
    return explain_start(explain_refusal("start it", status, "{\"message\":\"" + said + "\"}"));
  };
  EXPECT_EQ(explained(500, "... exec format error").blame, failure_class::task);
  EXPECT_EQ(explained(500, "No space left on device").blame, failure_class::infrastructure);
  EXPECT_EQ(explained(500, "could not select device driver").code, errc::unsupported);
  EXPECT_THAT(explained(404, "network x not found").hint, HasSubstr("network ls"));
  const auto by_podman =
      explained(500, "unable to find network with name or ID x: network not found");
  EXPECT_THAT(by_podman.hint, HasSubstr("network ls"));
  EXPECT_EQ(by_podman.blame, failure_class::task);
  EXPECT_EQ(explained(500, "anything").blame, failure_class::infrastructure);
}

TEST(refused_start, by_a_taken_port_is_known) {
  EXPECT_TRUE(
      is_taken_port(explain_refusal("x", 500, R"({"message":"Port is already allocated"})")));
  EXPECT_FALSE(is_taken_port(explain_refusal("x", 500, "{}")));
}

TEST(refused_start, leaves_nothing_unless_nobody_answered) {
  EXPECT_TRUE(was_refused(explain_refusal("x", 404, "{}")));
  EXPECT_FALSE(was_refused(explain_refusal("x", 409, "{}")));
  EXPECT_TRUE(
      was_refused(make_error(errc::connection_failed, "").with("connected", std::int64_t{0})));
  EXPECT_FALSE(
      was_refused(make_error(errc::connection_failed, "").with("connected", std::int64_t{1})));
  EXPECT_FALSE(was_refused(make_error(errc::timed_out, "")));
}

TEST(refused_pull, says_whose_fault_it_is) {
  const auto explained = [](const std::string& said) {
    return explain_pull("i:1", explain_refusal("pull", 500, "{\"message\":\"" + said + "\"}"));
  };
  EXPECT_EQ(explained("manifest unknown").blame, failure_class::task);
  EXPECT_EQ(explained("pull access denied for i").code, errc::permission_denied);
  EXPECT_EQ(explained("dial tcp: lookup registry: no such host").blame,
            failure_class::infrastructure);
  EXPECT_EQ(explained("no matching manifest for linux/arm64").code, errc::unsupported);
}

} // namespace
} // namespace sandfleet::providers::docker
