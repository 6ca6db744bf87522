#include "tools/batch/verdict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sandfleet::batch {
namespace {

using testing::HasSubstr;

command_record ended(std::optional<int> exit_code, std::string output = "") {
  command_record record;
  record.command = "c";
  record.exit_code = exit_code;
  record.output = std::move(output);
  record.timed_out = !exit_code;
  return record;
}

task plain_task(std::size_t commands = 1) {
  task judged;
  judged.id = "t";
  judged.commands.assign(commands, "c");
  return judged;
}

run_facts ran(std::vector<command_record> commands) {
  run_facts facts;
  facts.commands = std::move(commands);
  facts.failed_at = stage::collect;
  facts.oom_kills = 0;
  return facts;
}

run_facts failed(stage at, error failure) {
  run_facts facts;
  facts.failed_at = at;
  facts.failure = std::move(failure);
  return facts;
}

bool has_evidence(const judgement& judged, std::string_view name) {
  for (const auto& fact : judged.why.evidence)
    if (fact.first == name)
      return true;
  return false;
}

TEST(verdict, all_exit_codes_zero_passes) {
  const auto judged = judge(plain_task(2), ran({ended(0), ended(0)}));
  EXPECT_TRUE(judged.passed);
  EXPECT_EQ(class_name(judged.why), "ok");
  EXPECT_TRUE(judged.why.cause.empty());
}

TEST(verdict, a_command_that_fails_is_the_agents_doing) {
  const auto judged = judge(plain_task(2), ran({ended(0), ended(7)}));
  EXPECT_FALSE(judged.passed);
  EXPECT_EQ(class_name(judged.why), "agent");
  EXPECT_EQ(judged.why.cause, "command 2 of 2 exited with 7");
  EXPECT_TRUE(has_evidence(judged, "exit_code"));
}

TEST(verdict, a_command_that_times_out_is_the_agents_doing) {
  const auto judged = judge(plain_task(2), ran({ended(std::nullopt)}));
  EXPECT_FALSE(judged.passed);
  EXPECT_EQ(class_name(judged.why), "agent");
  EXPECT_THAT(judged.why.cause, HasSubstr("command 1 of 2 timed out"));
}

TEST(verdict, an_earlier_failure_counts_when_the_task_goes_on_after_it) {
  auto work = plain_task(2);
  work.continue_on_error = true;
  const auto judged = judge(work, ran({ended(1), ended(0)}));
  EXPECT_FALSE(judged.passed);
  EXPECT_EQ(judged.why.cause, "command 1 of 2 exited with 1");
}

TEST(verdict, sigkill_is_told_apart_by_the_sandboxes_own_counter) {
  auto facts = ran({ended(137)});
  EXPECT_EQ(class_name(judge(plain_task(), facts).why), "agent");
  facts.oom_kills = 2;
  const auto by_memory = judge(plain_task(), facts);
  EXPECT_EQ(class_name(by_memory.why), "agent");
  EXPECT_THAT(by_memory.why.cause, HasSubstr("out of memory"));
  EXPECT_TRUE(has_evidence(by_memory, "oom_kills"));
  facts.oom_kills.reset();
  EXPECT_EQ(class_name(judge(plain_task(), facts).why), "ambiguous");
}

TEST(verdict, a_failing_setup_is_the_tasks_fault) {
  auto work = plain_task();
  work.setup = {"a", "b"};
  run_facts facts;
  facts.setup = {ended(0), ended(100)};
  facts.failed_at = stage::setup;
  const auto judged = judge(work, facts);
  EXPECT_FALSE(judged.passed);
  EXPECT_EQ(class_name(judged.why), "task");
  EXPECT_EQ(judged.why.cause, "setup command 2 of 2 exited with 100");
}

TEST(verdict, a_failure_before_the_grade_has_the_errors_class_at_every_stage) {
  for (const auto at : {stage::start, stage::setup, stage::commands, stage::verify})
    for (const auto who : {failure_class::agent, failure_class::task, failure_class::infrastructure,
                           failure_class::ambiguous}) {
      auto failure = make_error(errc::sandbox_lost, "the sandbox is gone")
                         .with_cause("killed")
                         .with("signal", std::int64_t{9})
                         .blamed_on(who);
      const auto judged = judge(plain_task(), failed(at, std::move(failure)));
      EXPECT_FALSE(judged.passed);
      EXPECT_EQ(judged.why.blame, who);
      EXPECT_EQ(judged.why.cause, "the sandbox is gone: killed");
      EXPECT_EQ(std::get<std::string>(judged.why.evidence.front().second), to_string(at));
      EXPECT_TRUE(has_evidence(judged, "signal"));
    }
}

TEST(verdict, what_a_tasks_files_meet_is_the_tasks_fault) {
  for (const auto code : {errc::permission_denied, errc::limit_exceeded, errc::out_of_memory})
    EXPECT_EQ(judge(plain_task(), failed(stage::files, make_error(code, "m"))).why.blame,
              failure_class::task);
  const auto lost = make_error(errc::sandbox_lost, "m");
  EXPECT_EQ(judge(plain_task(), failed(stage::files, lost)).why.blame,
            failure_class::infrastructure);
}

TEST(verdict, limits_that_were_met_are_evidence) {
  auto facts = ran({ended(1)});
  facts.touched = {{"pids", 3}, {"cpus", 0}};
  const auto judged = judge(plain_task(), facts);
  EXPECT_TRUE(has_evidence(judged, "touched_pids"));
  EXPECT_FALSE(has_evidence(judged, "touched_cpus"));
}

TEST(verdict, a_failure_after_the_grade_keeps_the_grade) {
  auto facts = ran({ended(0)});
  facts.failure = make_error(errc::sandbox_lost, "gone");
  const auto judged = judge(plain_task(), facts);
  EXPECT_TRUE(judged.passed);
  EXPECT_EQ(class_name(judged.why), "infrastructure");
}

struct expectation_case {
  expectation expect;
  command_record last;
  bool passed;
  const char* says;
};

class the_expectation : public testing::TestWithParam<expectation_case> {};

TEST_P(the_expectation, decides_by_the_last_command) {
  auto work = plain_task();
  work.expect = GetParam().expect;
  const auto judged = judge(work, ran({GetParam().last}));
  EXPECT_EQ(judged.passed, GetParam().passed);
  EXPECT_EQ(class_name(judged.why), GetParam().passed ? "ok" : "agent");
  EXPECT_THAT(judged.why.cause, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    verdict, the_expectation,
    testing::Values(expectation_case{{3, {}, {}}, ended(3), true, ""},
                    expectation_case{{3, {}, {}}, ended(0), false, "exit code 3 was expected"},
                    expectation_case{{0, {}, {}}, ended(std::nullopt), false, "timed out"},
                    expectation_case{{{}, "ok", {}}, ended(0, "all ok"), true, ""},
                    expectation_case{{{}, "ok", {}}, ended(1, "all ok"), true, ""},
                    expectation_case{{{}, "ok", {}}, ended(0, "bad"), false, "does not contain"},
                    expectation_case{{{}, {}, "^o.$"}, ended(0, "x\nok\n"), true, ""},
                    expectation_case{{{}, {}, "^o.$"}, ended(0, "no"), false, "does not match"},
                    expectation_case{{1, "a", "b"}, ended(1, "ab"), true, ""},
                    expectation_case{{1, "a", "b"}, ended(1, "a"), false, "does not match"}));

TEST(verdict, a_last_command_that_did_not_run_meets_no_expectation) {
  auto work = plain_task(2);
  work.expect = expectation{1, {}, {}};
  const auto judged = judge(work, ran({ended(1)}));
  EXPECT_FALSE(judged.passed);
  EXPECT_EQ(judged.why.cause, "command 1 of 2 exited with 1, so that the last one did not run");
}

TEST(verdict, an_expectation_met_after_a_failure_passes_and_says_both) {
  auto work = plain_task(2);
  work.continue_on_error = true;
  work.expect = expectation{0, {}, {}};
  const auto judged = judge(work, ran({ended(1), ended(0)}));
  EXPECT_TRUE(judged.passed);
  EXPECT_EQ(class_name(judged.why), "agent");
}

task verified_task() {
  auto work = plain_task();
  work.verify.emplace();
  work.verify->commands = {"v1", "v2"};
  return work;
}

TEST(verdict, verification_alone_decides) {
  auto facts = ran({ended(1)});
  facts.verify = {ended(0), ended(0)};
  auto work = verified_task();
  work.expect = expectation{99, {}, {}};
  const auto judged = judge(work, facts);
  EXPECT_TRUE(judged.passed);
  EXPECT_EQ(judged.why.cause, "command 1 of 1 exited with 1");

  facts = ran({ended(0)});
  facts.verify = {ended(0), ended(1)};
  const auto wrong = judge(work, facts);
  EXPECT_FALSE(wrong.passed);
  EXPECT_EQ(class_name(wrong.why), "agent");
  EXPECT_EQ(wrong.why.cause, "verify command 2 of 2 exited with 1");
}

TEST(verdict, verification_that_did_not_end_does_not_pass) {
  auto facts = ran({ended(0)});
  facts.verify = {ended(0)};
  EXPECT_FALSE(judge(verified_task(), facts).passed);
  facts.verify = {ended(std::nullopt)};
  const auto judged = judge(verified_task(), facts);
  EXPECT_FALSE(judged.passed);
  EXPECT_EQ(class_name(judged.why), "agent");
}

TEST(verdict, a_grader_that_cannot_run_is_ambiguous) {
  for (const int code : {126, 127}) {
    auto facts = ran({ended(0)});
    facts.verify = {ended(code)};
    const auto judged = judge(verified_task(), facts);
    EXPECT_FALSE(judged.passed);
    EXPECT_EQ(class_name(judged.why), "ambiguous");
  }
}

TEST(verdict, what_failed_before_a_failed_verification_is_evidence) {
  auto facts = ran({ended(4)});
  facts.verify = {ended(1)};
  EXPECT_TRUE(has_evidence(judge(verified_task(), facts), "before"));
}

} // namespace
} // namespace sandfleet::batch
