#include "tests/support/temporary_directory.hpp"
#include "tests/unit/tools/fake_sandbox.hpp"
#include "tools/batch/task_runner.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sandfleet::batch {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::temporary_directory;

class task_running : public testing::Test {
 protected:
  task_running() { work.id = "t"; }

  task_result run() {
    runner_options options;
    options.base = base;
    options.directory = directory.path();
    fake_source source(world);
    task_runner runner(source, world.time, options);
    boost::asio::io_context context;
    std::optional<task_result> out;
    boost::asio::co_spawn(context, runner.run(work),
                          [&](std::exception_ptr thrown, std::optional<task_result> done) {
                            if (thrown)
                              std::rethrow_exception(thrown);
                            out = std::move(done);
                          });
    context.run();
    EXPECT_TRUE(out);
    EXPECT_EQ(world.alive, 0) << "every sandbox is stopped";
    return out.value_or(task_result{});
  }

  temporary_directory directory;
  fake_world world;
  sandbox_spec base;
  task work;
};

error lost() {
  return make_error(errc::sandbox_lost, "gone");
}

TEST_F(task_running, does_the_steps_in_order) {
  work.files["f"] = {"bytes", 0600};
  work.setup = {"say set up"};
  work.commands = {"say one", "say two"};
  work.verify.emplace();
  work.verify->files["check"] = {"grader", std::nullopt};
  work.verify->commands = {"say graded"};
  work.collect = {"f"};
  const auto done = run();
  EXPECT_THAT(world.log,
              ElementsAre("start", "write f", "run say set up", "run say one", "run say two",
                          "kill", "write check", "exec say graded", "glob f", "read f", "stop"));
  EXPECT_TRUE(done.judged.passed);
  EXPECT_EQ(done.attempts, 1U);
  EXPECT_EQ(done.setup.front().output, "set up");
  EXPECT_EQ(done.commands.back().output, "two");
  EXPECT_EQ(done.verify.front().output, "graded");
  const auto& file = std::get<collected_file>(done.collected.at("f"));
  EXPECT_EQ(file.bytes, "bytes");
  EXPECT_EQ(file.mode, 0600U);
  EXPECT_EQ(done.sandbox, "sb-1");
  EXPECT_EQ(done.limits.at("pids"), "enforced");
}

TEST_F(task_running, verification_runs_with_a_clean_environment_of_its_own) {
  work.env = {{"A", "task"}};
  work.commands = {"say x"};
  work.verify.emplace();
  work.verify->commands = {"say v"};
  work.verify->env = {{"B", "grader"}};
  work.verify->timeout = milliseconds(5000);
  run();
  ASSERT_EQ(world.execs.size(), 1U);
  EXPECT_TRUE(world.execs[0].clean_env);
  EXPECT_EQ(world.execs[0].env, (std::map<std::string, std::string>{{"B", "grader"}}));
  EXPECT_EQ(world.execs[0].timeout, milliseconds(5000));
  EXPECT_EQ(world.specs[0].env, (std::map<std::string, std::string>{{"A", "task"}}));
}

TEST_F(task_running, the_tasks_values_go_before_those_of_the_batch) {
  base.image = "host";
  base.env = {{"A", "batch"}, {"B", "batch"}};
  base.limits.memory_mb = 100;
  base.limits.pids = 50;
  work.commands = {"say x"};
  work.image = "rootfs:/x";
  work.provider = "local";
  work.network = "host";
  work.env = {{"A", "task"}};
  work.resources.memory_mb = 200;
  const auto done = run();
  const auto& spec = world.specs.at(0);
  EXPECT_EQ(spec.image, "rootfs:/x");
  EXPECT_EQ(spec.network, "host");
  EXPECT_EQ(spec.env, (std::map<std::string, std::string>{{"A", "task"}, {"B", "batch"}}));
  EXPECT_EQ(spec.limits.memory_mb, 200);
  EXPECT_EQ(spec.limits.pids, 50);
  EXPECT_EQ(done.provider, "local");
  EXPECT_EQ(done.image, "rootfs:/x");
}

TEST_F(task_running, stops_at_the_first_command_that_fails) {
  work.commands = {"exit 3", "say never"};
  const auto done = run();
  ASSERT_EQ(done.commands.size(), 1U);
  EXPECT_EQ(done.commands[0].exit_code, 3);
  EXPECT_EQ(class_name(done.judged.why), "agent");
}

TEST_F(task_running, goes_on_after_a_failure_when_told_to) {
  work.commands = {"exit 3", "restarted"};
  work.continue_on_error = true;
  const auto done = run();
  ASSERT_EQ(done.commands.size(), 2U);
  EXPECT_TRUE(done.commands[1].shell_restarted);
  EXPECT_FALSE(done.judged.passed);
}

TEST_F(task_running, a_failing_setup_ends_the_task_but_for_its_files) {
  work.setup = {"exit 1", "say never"};
  work.commands = {"say never"};
  work.collect = {"log"};
  const auto done = run();
  EXPECT_THAT(world.log, ElementsAre("start", "run exit 1", "glob log", "stop"));
  EXPECT_EQ(class_name(done.judged.why), "task");
  EXPECT_EQ(done.attempts, 1U);
}

TEST_F(task_running, the_time_limit_is_for_all_commands_together) {
  work.commands = {"take 600", "take 600", "say never"};
  work.timeout = milliseconds(1000);
  work.continue_on_error = true;
  const auto done = run();
  ASSERT_EQ(done.commands.size(), 3U);
  EXPECT_EQ(world.runs[1].timeout, milliseconds(400));
  EXPECT_TRUE(done.commands[1].timed_out);
  // No time is left for the third one: it is not run at all.
  EXPECT_TRUE(done.commands[2].timed_out);
  EXPECT_EQ(world.runs.size(), 2U);
  EXPECT_EQ(class_name(done.judged.why), "agent");
}

TEST_F(task_running, each_command_has_its_own_limit_too) {
  work.commands = {"take 600", "say on"};
  work.command_timeout = milliseconds(500);
  work.continue_on_error = true;
  const auto done = run();
  ASSERT_EQ(done.commands.size(), 2U);
  EXPECT_TRUE(done.commands[0].timed_out);
  EXPECT_EQ(done.commands[1].output, "on");
}

TEST_F(task_running, standard_input_is_a_file_outside_the_workspace) {
  work.stdin_text = "input";
  work.setup = {"say a"};
  work.commands = {"say b"};
  run();
  EXPECT_TRUE(world.runs[0].stdin_path.empty());
  EXPECT_EQ(world.runs[1].stdin_path, "/tmp/.sandfleet-stdin-sb-1");
  EXPECT_THAT(world.log, testing::Contains("write /tmp/.sandfleet-stdin-sb-1"));
}

TEST_F(task_running, standard_input_is_removed_where_nothing_is_isolated) {
  work.stdin_text = "input";
  work.commands = {"say b"};
  run();
  EXPECT_TRUE(world.execs.empty());
  base.isolation = isolation_mode::none;
  run();
  ASSERT_EQ(world.execs.size(), 1U);
  EXPECT_THAT(world.execs[0].argv, ElementsAre("rm", "-f", "--", "/tmp/.sandfleet-stdin-sb-1"));
}

TEST_F(task_running, infrastructure_failures_are_tried_again_in_a_fresh_sandbox) {
  world.starts = {fail(errc::start_failed, "no"), result<void>()};
  world.failures.emplace("run say x", lost());
  work.commands = {"say x"};
  work.retries = 2;
  const auto done = run();
  EXPECT_EQ(done.attempts, 3U);
  EXPECT_TRUE(done.judged.passed);
  EXPECT_EQ(done.commands.size(), 1U);
  EXPECT_EQ(done.sandbox, "sb-2");
  EXPECT_EQ(world.time.waits.size(), 2U);
}

TEST_F(task_running, retries_end) {
  for (int i = 0; i < 5; ++i)
    world.starts.push_back(fail(errc::start_failed, "no"));
  work.commands = {"say x"};
  work.retries = 1;
  const auto done = run();
  EXPECT_EQ(done.attempts, 2U);
  EXPECT_FALSE(done.judged.passed);
  EXPECT_EQ(class_name(done.judged.why), "infrastructure");
  EXPECT_TRUE(done.sandbox.empty());
}

TEST_F(task_running, no_other_failure_is_tried_again) {
  for (const auto who : {failure_class::agent, failure_class::task, failure_class::ambiguous}) {
    world.failures.emplace("run say x", lost().blamed_on(who));
    work.commands = {"say x"};
    const auto done = run();
    EXPECT_EQ(done.attempts, 1U);
    EXPECT_EQ(done.judged.why.blame, who);
  }
}

TEST_F(task_running, the_providers_account_of_a_lost_sandbox_is_believed) {
  sandbox_end end;
  end.failure = make_error(errc::out_of_memory, "out of memory").blamed_on(failure_class::agent);
  end.usage.oom_kills = 1;
  end.usage.cpu_seconds = 2.5;
  world.end = end;
  world.failures.emplace("run say x", lost());
  work.commands = {"say x"};
  const auto done = run();
  EXPECT_EQ(done.attempts, 1U);
  EXPECT_EQ(class_name(done.judged.why), "agent");
  EXPECT_EQ(done.usage.cpu_seconds, 2.5);
}

TEST_F(task_running, a_missing_host_file_is_the_tasks_fault) {
  work.files["f"] = {file_source::host_path{"nowhere"}, std::nullopt};
  work.commands = {"say x"};
  const auto done = run();
  EXPECT_EQ(class_name(done.judged.why), "task");
  EXPECT_THAT(done.judged.why.cause, HasSubstr("nowhere"));
  EXPECT_TRUE(done.commands.empty());
}

TEST_F(task_running, host_files_are_found_beside_the_task_file) {
  directory.write("data", "from the host");
  work.files["f"] = {file_source::host_path{"data"}, 0700};
  work.commands = {"say x"};
  work.collect = {"f"};
  const auto done = run();
  const auto& file = std::get<collected_file>(done.collected.at("f"));
  EXPECT_EQ(file.bytes, "from the host");
  EXPECT_EQ(file.mode, 0700U);
}

TEST_F(task_running, collecting_goes_on_past_files_that_cannot_be_read) {
  work.files["a"] = {"1", std::nullopt};
  work.files["b"] = {"2", std::nullopt};
  work.commands = {"exit 1"};
  work.collect = {"none", "*", "b"};
  world.failures.emplace("read a", make_error(errc::permission_denied, "not yours"));
  const auto done = run();
  EXPECT_EQ(done.collected.size(), 3U);
  EXPECT_EQ(std::get<error>(done.collected.at("none")).message, "nothing matches");
  EXPECT_EQ(std::get<error>(done.collected.at("a")).message, "not yours");
  EXPECT_EQ(std::get<collected_file>(done.collected.at("b")).bytes, "2");
}

TEST_F(task_running, a_stop_that_fails_is_evidence_and_changes_no_grade) {
  work.commands = {"say x"};
  world.failures.emplace("stop", make_error(errc::io_error, "it stays"));
  const auto done = run();
  EXPECT_TRUE(done.judged.passed);
  EXPECT_EQ(done.judged.why.evidence.back().first, "stop_failed");
}

TEST_F(task_running, an_error_at_any_step_is_a_result_and_leaves_no_sandbox) {
  work.files["f"] = {"bytes", std::nullopt};
  work.stdin_text = "in";
  work.setup = {"say s"};
  work.commands = {"say c"};
  work.verify.emplace();
  work.verify->files["check"] = {"v", std::nullopt};
  work.verify->commands = {"say v"};
  work.collect = {"f"};
  work.retries = 0;
  run();
  const auto steps = world.log;
  for (const auto& step : steps) {
    if (step == "start" || step == "stop")
      continue;
    world.log.clear();
    auto line = step;
    if (const auto place = line.find("sb-1"); place != std::string::npos)
      line.replace(place, 4, "sb-1"); // each run has a source of its own, which counts from 1
    world.failures.emplace(line, lost());
    const auto done = run();
    EXPECT_EQ(class_name(done.judged.why), "infrastructure") << step;
    EXPECT_EQ(world.log.back(), "stop") << step;
    EXPECT_TRUE(world.failures.empty()) << step;
  }
}

TEST_F(task_running, a_signal_that_ends_verification_has_the_shells_exit_code) {
  work.commands = {"say x"};
  work.verify.emplace();
  work.verify->commands = {"signal"};
  EXPECT_EQ(run().verify.front().exit_code, 128 + 11);
}

TEST_F(task_running, seconds_are_told_by_phase) {
  work.setup = {"take 100"};
  work.commands = {"take 200"};
  const auto done = run();
  EXPECT_DOUBLE_EQ(done.seconds.setup, 0.1);
  EXPECT_DOUBLE_EQ(done.seconds.run, 0.2);
}

} // namespace
} // namespace sandfleet::batch
