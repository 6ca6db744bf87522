#include "runtime/providers/local/launch_arguments.hpp"
#include "runtime/providers/local/launcher_event.hpp"
#include "runtime/providers/local/notes.hpp"
#include "runtime/providers/local/verdict.hpp"
#include "sandbox_agent/launcher/events.hpp"
#include "sandbox_agent/launcher/request.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace sandfleet::providers::local {
namespace {

std::string line_of(std::string event) {
  EXPECT_EQ(event.find('\n'), event.size() - 1) << "one line";
  event.pop_back();
  return event;
}

template <class Event>
Event told(const std::string& event) {
  auto parsed = parse_launcher_event(line_of(event));
  EXPECT_TRUE(std::holds_alternative<Event>(parsed)) << event;
  return std::get<Event>(std::move(parsed));
}

TEST(launcher_events, are_read_as_they_are_written) {
  const auto limits = told<limits_told>(
      launcher::limits_event({{"pids", "enforced"}, {"cpus", "unenforced: \"no\"\n"}}, true));
  EXPECT_EQ(limits.limits.at("cpus"), "unenforced: \"no\"\n");
  EXPECT_TRUE(limits.can_pause);
  EXPECT_EQ(told<started_told>(launcher::started_event(17)).process, 17);
  EXPECT_TRUE(told<paused_told>(launcher::paused_event(true)).paused);
  EXPECT_FALSE(told<paused_told>(launcher::paused_event(false)).paused);
  EXPECT_EQ(told<warning_told>(launcher::warning_event("w\x01")).message, "w\x01");
  const auto failure = make_error(errc::not_found, "m").with_cause("c").with_hint("h");
  const auto failed = told<failed_told>(launcher::failed_event(failure, "last words")).failure;
  EXPECT_EQ(failed.code, errc::not_found);
  EXPECT_EQ(failed.blame, failure_class::task);
  EXPECT_EQ(failed.message + failed.cause + failed.hint, "mch");
  EXPECT_EQ(std::get<std::string>(failed.evidence.at(0).second), "last words");
  resource_usage usage;
  usage.cpu_seconds = 0.25;
  usage.oom_kills = 2;
  usage.touched = {{"pids", 3}, {"cpus", 0}};
  const auto exited = told<exited_told>(launcher::exited_event(SIGKILL, usage, "l", "tail 62 MiB"));
  EXPECT_EQ(exited.oom_victims, "tail 62 MiB");
  EXPECT_EQ(exited.signal, SIGKILL);
  EXPECT_FALSE(exited.exit_code);
  EXPECT_EQ(exited.usage.cpu_seconds, 0.25);
  EXPECT_EQ(exited.usage.oom_kills, 2);
  EXPECT_EQ(exited.usage.touched, usage.touched);
  EXPECT_FALSE(exited.usage.peak_memory_mb);
  EXPECT_EQ(told<exited_told>(launcher::exited_event(3 << 8, {}, "")).exit_code, 3);
}

TEST(launcher_events, anything_else_is_text) {
  EXPECT_TRUE(std::holds_alternative<ready_told>(parse_launcher_event("ready")));
  for (const char* line : {"", "ready ", "usage: x", "{", "{}", "{\"event\":\"new\"}",
                           "{\"event\":\"started\"}", "{\"event\":\"started\",\"pid\":-1}", "[1]"})
    EXPECT_TRUE(std::holds_alternative<text_told>(parse_launcher_event(line))) << line;
}

class launch_list : public ::testing::Test {
 protected:
  result<launcher::request> request_of(const sandbox_spec& spec) {
    auto list = launch_arguments(sandbox_id("sb-1"), spec, settings_, "/run/s/sb-1", "key", "/b");
    if (!list)
      return fail(list.error());
    return launcher::parse_request(launcher::split_arguments(*list));
  }

  static std::string env(const launcher::request& wanted, const std::string& name) {
    for (const auto& assignment : wanted.env)
      if (assignment.starts_with(name + "="))
        return assignment.substr(name.size() + 1);
    return "(none)";
  }

  local_settings settings_{.agent_program = "/a",
                           .launcher_program = "/l",
                           .state_dir = "",
                           .default_image = "rootfs:/default",
                           .default_isolation = isolation_mode::namespaces};
};

TEST_F(launch_list, is_what_the_launcher_reads) {
  sandbox_spec spec;
  spec.volumes = {{"/h", "/c", true}};
  spec.limits = {0.5, 64, 32, 10};
  spec.env = {{"LANG", "de_DE"}, {"X", "a\nb"}, {"SESSION_API_KEY", "forged"}};
  const auto wanted = request_of(spec);
  ASSERT_TRUE(wanted) << wanted.error().to_string();
  EXPECT_EQ(wanted->image, "rootfs:/default");
  EXPECT_EQ(wanted->volumes, spec.volumes);
  EXPECT_EQ(wanted->limits, spec.limits);
  EXPECT_EQ(wanted->workspace, "/workspace");
  EXPECT_EQ(env(*wanted, "LANG"), "de_DE");
  EXPECT_EQ(env(*wanted, "X"), "a\nb");
  EXPECT_EQ(env(*wanted, "HOME"), "/root");
  EXPECT_EQ(env(*wanted, "SESSION_API_KEY"), "key");
  EXPECT_EQ(env(*wanted, "SANDFLEET_SANDBOX"), "sb-1");
}

TEST_F(launch_list, without_isolation_everything_lies_in_the_sandboxs_directory) {
  sandbox_spec spec;
  spec.image = "host";
  spec.isolation = isolation_mode::none;
  const auto wanted = request_of(spec);
  ASSERT_TRUE(wanted) << wanted.error().to_string();
  EXPECT_EQ(wanted->workspace, "/run/s/sb-1/workspace");
  EXPECT_EQ(env(*wanted, "HOME"), "/run/s/sb-1/home");
  EXPECT_EQ(env(*wanted, "PATH"), "/b");
}

TEST_F(launch_list, unknown_networks_are_refused) {
  sandbox_spec spec;
  spec.network = "bridge";
  EXPECT_EQ(request_of(spec).error().code, errc::unsupported);
}

end_facts facts_of(std::optional<exited_told> exited, bool ready) {
  end_facts facts;
  facts.id = sandbox_id("sb-1");
  facts.was_ready = ready;
  facts.exited = std::move(exited);
  return facts;
}

exited_told killed(std::int64_t oom_kills) {
  exited_told exited;
  exited.signal = SIGKILL;
  exited.usage.oom_kills = oom_kills;
  return exited;
}

TEST(verdict, an_end_that_was_asked_for_is_no_failure) {
  auto facts = facts_of(killed(3), true);
  facts.was_asked = true;
  const auto report = judge_end(facts);
  EXPECT_FALSE(report.failure);
  EXPECT_EQ(report.usage.oom_kills, 3);
}

TEST(verdict, an_agent_that_vanishes_is_the_infrastructures_fault) {
  const auto report = judge_end(facts_of(killed(0), true));
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code, errc::sandbox_lost);
  EXPECT_EQ(report.failure->blame, failure_class::infrastructure);
}

TEST(verdict, without_isolation_the_task_may_have_killed_the_agent) {
  auto facts = facts_of(killed(0), true);
  facts.isolated = false;
  EXPECT_EQ(judge_end(facts).failure->blame, failure_class::ambiguous);
}

TEST(verdict, memory_is_the_agents_fault_when_running_and_the_tasks_when_starting) {
  EXPECT_EQ(judge_end(facts_of(killed(1), true)).failure->code, errc::out_of_memory);
  EXPECT_EQ(judge_end(facts_of(killed(1), true)).failure->blame, failure_class::agent);
  EXPECT_EQ(judge_end(facts_of(killed(1), false)).failure->blame, failure_class::task);
}

TEST(verdict, memory_is_told_with_how_much_and_who) {
  auto exited = killed(2);
  exited.usage.peak_memory_mb = 63.6;
  exited.oom_victims = "tail 62 MiB";
  const auto report = judge_end(facts_of(std::move(exited), true));
  const evidence_list expected{{"signal", std::int64_t{SIGKILL}},
                               {"oom_kills", std::int64_t{2}},
                               {"peak_memory_mb", std::int64_t{64}},
                               {"oom_victims", "tail 62 MiB"}};
  EXPECT_EQ(report.failure->evidence, expected);
}

TEST(verdict, an_image_without_a_shell_is_the_tasks_fault) {
  exited_told exited;
  exited.exit_code = 127;
  const auto failure = judge_end(facts_of(exited, false)).failure;
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->blame, failure_class::task);
  EXPECT_NE(failure->to_string().find("neither bash nor sh"), std::string::npos);
  EXPECT_EQ(judge_end(facts_of(exited, true)).failure->blame, failure_class::infrastructure);
}

TEST(verdict, a_launcher_without_last_words_was_lost) {
  auto facts = facts_of(std::nullopt, false);
  facts.launcher_status = SIGSEGV;
  facts.text = "words";
  facts.counted.cpu_seconds = 0.5;
  const auto report = judge_end(facts);
  EXPECT_EQ(report.usage.cpu_seconds, 0.5) << "what was counted is not lost with it";
  ASSERT_TRUE(report.failure);
  EXPECT_EQ(report.failure->code, errc::start_failed);
  EXPECT_EQ(report.failure->blame, failure_class::infrastructure);
  EXPECT_NE(report.failure->to_string().find("launcher_signal=11"), std::string::npos);
  EXPECT_NE(report.failure->to_string().find("words"), std::string::npos);
}

TEST(launcher_notes, only_groups_named_after_the_sandbox_are_believed) {
  EXPECT_EQ(
      noted_cgroups("/sys/fs/cgroup/memory/sandfleet-sb-1\n/sys/fs/cgroup/sandfleet-sb-2\n"
                    "relative/sandfleet-sb-1\n/a/../etc/sandfleet-sb-1\n/x/sandfleet-sb-1",
                    sandbox_id("sb-1")),
      (std::vector<std::string>{"/sys/fs/cgroup/memory/sandfleet-sb-1", "/x/sandfleet-sb-1"}));
  EXPECT_TRUE(noted_cgroups("", sandbox_id("sb-1")).empty());
}

TEST(launcher_notes, a_process_has_a_number_and_a_start) {
  EXPECT_EQ(noted_init("42 987654\n"), (noted_process{42, 987'654}));
  for (const char* text : {"", "42", "42 0", "0 5", "-3 5", "42 5 6", "42 x", "4294967338 5"})
    EXPECT_FALSE(noted_init(text)) << text;
}

} // namespace
} // namespace sandfleet::providers::local
