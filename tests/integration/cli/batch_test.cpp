#include "tests/integration/cli/batch_fixture.hpp"
#include "tests/support/sanitizers.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

namespace sandfleet::test {
namespace {

using testing::HasSubstr;

class batch_command : public testing::Test {
 protected:
  batch_files files_;
};

TEST_F(batch_command, every_task_runs_in_a_sandbox_of_its_own) {
  std::vector<std::string> lines;
  for (int i = 0; i < 20; ++i)
    lines.push_back(task_line("t" + std::to_string(i), "test ! -e mark && touch mark && pwd",
                              R"("expect": {"exit_code": 0, "output_regex": "^/workspace"})"));
  const auto done = files_.run(lines, {"--concurrency", "4"});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("20 of 20"));
  const auto results = files_.results();
  ASSERT_EQ(results.size(), 20U);
  std::map<std::string, int> sandboxes;
  for (const auto& [id, result] : results) {
    EXPECT_TRUE(result.at("passed").as_bool());
    EXPECT_EQ(verdict_class(result), "ok");
    ++sandboxes[std::string(result.at("sandbox").at("id").as_string())];
  }
  EXPECT_EQ(sandboxes.size(), 20U);
}

TEST_F(batch_command, a_result_says_all_that_happened) {
  files_.files_.write("data", "from the host");
  const auto good =
      files_.run({R"({"id": "t", "setup": ["echo preparing"],)"
                  R"( "files": {"a/b": {"from": "data", "mode": "0755"}, "c": {"base64": "AAE="}},)"
                  R"( "env": {"WHO": "task"}, "stdin": "a line\n",)"
                  R"( "commands": ["cd a; x=1; f() { echo \"$WHO $x ${PWD##*/}\"; }", "f", "cat",)"
                  R"( "cat b; stat -c %a b"], "collect": ["c", "a/*", "none"],)"
                  R"( "resources": {"pids": 64}})"});
  EXPECT_EQ(good.status, 0) << good.err;
  const auto result = files_.results().at("t");
  const auto& commands = result.at("commands").as_array();
  ASSERT_EQ(commands.size(), 4U);
  EXPECT_THAT(std::string(commands[1].at("output").as_string()), HasSubstr("task 1 a"));
  EXPECT_THAT(std::string(commands[2].at("output").as_string()), HasSubstr("a line"));
  EXPECT_THAT(std::string(commands[3].at("output").as_string()), HasSubstr("from the host"));
  EXPECT_THAT(std::string(commands[3].at("output").as_string()), HasSubstr("755"));
  const auto& collected = result.at("collected").as_object();
  EXPECT_EQ(collected.at("c").at("base64").as_string(), "AAE=");
  EXPECT_TRUE(collected.at("none").as_object().contains("error"));
  EXPECT_EQ(collected.size(), 3U);
  EXPECT_TRUE(result.at("limits").as_object().contains("pids"));
  EXPECT_EQ(result.at("attempts").as_int64(), 1);
  EXPECT_GT(result.at("seconds").at("start").to_number<double>(), 0);
}

TEST_F(batch_command, failures_have_their_classes) {
  const auto done = files_.run({
      task_line("fails", "exit 3"),
      task_line("late", "sleep 1000", R"("timeout_s": 0.3)"),
      task_line("badly set up", "true", R"("setup": ["false"])"),
      task_line("no image", "true", R"("image": "rootfs:/nowhere", "retries": 0)"),
      task_line("ends its shell", "kill -9 $$", R"("continue_on_error": true)"),
  });
  EXPECT_EQ(done.status, 1) << done.err;
  const auto results = files_.results();
  ASSERT_EQ(results.size(), 5U);
  EXPECT_EQ(verdict_class(results.at("fails")), "agent");
  EXPECT_EQ(verdict_class(results.at("late")), "agent");
  EXPECT_TRUE(results.at("late").at("commands").as_array()[0].at("timed_out").as_bool());
  EXPECT_TRUE(results.at("late").at("commands").as_array()[0].at("exit_code").is_null());
  EXPECT_EQ(verdict_class(results.at("badly set up")), "task");
  EXPECT_EQ(verdict_class(results.at("no image")), "task");
  EXPECT_FALSE(results.at("ends its shell").at("passed").as_bool());
}

TEST_F(batch_command, what_a_task_asks_for_wrongly_is_its_own_fault_and_not_tried_again) {
  const auto image = files_.files_.path() + "/empty";
  ASSERT_EQ(::mkdir(image.c_str(), 0755), 0);
  const auto file = [](const std::string& path) { return R"("files": {")" + path + R"(": "x"})"; };
  std::vector<std::string> lines = {
      task_line("read-only", "true", file("/usr/file")),
      task_line("directory", "true", file("/workspace")),
      task_line("device", "true", file("/dev/null")),
      task_line("long name", "true", file(std::string(300, 'n'))),
      task_line("below a file", "true", R"("files": {"a": "x", "a/b": "x"})"),
      task_line("no room", "true",
                R"("files": {"a": ")" + std::string(2 << 20, 'x') +
                    R"("}, "resources": {"disk_mb": 1})"),
      task_line("host file", "true", R"("files": {"a": {"from": "nowhere"}})"),
      task_line("network", "true", R"("network": "moon")"),
      task_line("provider", "true", R"("provider": "nobody")"),
  };
  if (!tests::is_sanitized) // else the image lacks the agent's libraries too
    lines.push_back(task_line("no shell", "true", R"("image": "rootfs:)" + image + "\""));
  EXPECT_EQ(files_.run(lines).status, 1);
  const auto results = files_.results();
  ASSERT_EQ(results.size(), lines.size());
  for (const auto& [id, result] : results) {
    EXPECT_EQ(verdict_class(result), "task") << id << ": " << result.at("verdict");
    EXPECT_EQ(result.at("attempts").as_int64(), 1) << id;
    EXPECT_THAT(std::string(result.at("verdict").at("cause").as_string()),
                testing::Not(testing::IsEmpty()));
  }
}

TEST_F(batch_command, a_task_without_a_path_has_a_shell_nevertheless) {
  const auto done = files_.run({task_line("t", "echo \"<$PATH>\"",
                                          R"("env": {"PATH": ""}, "expect":)"
                                          R"( {"output_contains": "<>"})")});
  EXPECT_EQ(done.status, 0) << done.err;
}

TEST_F(batch_command, a_command_that_ends_the_shell_gives_the_next_a_new_one) {
  const auto done = files_.run({R"({"id": "t", "commands": ["x=1; exit 7", "echo \"<$x>\""],)"
                                R"( "continue_on_error": true, "expect": {"exit_code": 0}})"});
  EXPECT_EQ(done.status, 0) << done.err;
  const auto result = files_.results().at("t");
  const auto& commands = result.at("commands").as_array();
  ASSERT_EQ(commands.size(), 2U);
  EXPECT_EQ(commands[0].at("exit_code").as_int64(), 7);
  EXPECT_TRUE(commands[1].at("shell_restarted").as_bool());
  EXPECT_THAT(std::string(commands[1].at("output").as_string()), HasSubstr("<>"));
}

TEST_F(batch_command, verification_is_out_of_the_tasks_reach) {
  const auto verify =
      R"("verify": {"files": {"check.sh": "test ! -e left && echo \"$G${T-unset}\"\n"},)"
      R"( "commands": ["bash check.sh"], "env": {"G": "grader"}})";
  const auto done = files_.run({
      task_line("forger",
                "test ! -e check.sh || exit 9; echo 'exit 0' > check.sh; export T=task; "
                "(while :; do echo exit 0 > check.sh; done) & touch left",
                verify),
      task_line("honest", "test ! -e check.sh; export T=task", verify),
  });
  EXPECT_EQ(done.status, 1) << done.err;
  const auto results = files_.results();
  EXPECT_FALSE(results.at("forger").at("passed").as_bool());
  EXPECT_EQ(verdict_class(results.at("forger")), "agent");
  EXPECT_TRUE(results.at("honest").at("passed").as_bool());
  EXPECT_EQ(results.at("honest").at("verify").as_array()[0].at("output").as_string(),
            "graderunset\n");
}

TEST_F(batch_command, bad_lines_are_named_and_the_others_run) {
  const auto done = files_.run({task_line("a", "true"), "nonsense", task_line("a", "false"),
                                R"({"id": "b", "comands": ["true"]})", task_line("c", "true")});
  EXPECT_EQ(done.status, 125);
  EXPECT_THAT(done.err, HasSubstr("tasks.jsonl:2: "));
  EXPECT_THAT(done.err, HasSubstr("tasks.jsonl:3: the id \"a\""));
  EXPECT_THAT(done.err, HasSubstr("tasks.jsonl:4: unknown key \"comands\""));
  EXPECT_THAT(done.err, HasSubstr("did you mean \"commands\"?"));
  EXPECT_EQ(files_.results().size(), 2U);
}

TEST_F(batch_command, a_second_run_goes_on_where_the_first_stopped) {
  const std::vector<std::string> lines = {task_line("a", "echo a >> /shared/log"),
                                          task_line("b", "echo b >> /shared/log; false"),
                                          task_line("c", "echo c >> /shared/log")};
  EXPECT_EQ(files_.run({lines[0], lines[1]}).status, 1);
  std::ofstream(files_.results_path(), std::ios::app) << R"({"id":"c","pas)";
  const auto second = files_.run(lines);
  EXPECT_EQ(second.status, 1) << second.err; // b failed, in the earlier run
  EXPECT_THAT(second.err, HasSubstr("half written"));
  EXPECT_THAT(second.err, HasSubstr("2 of 3 tasks have results"));
  EXPECT_EQ(files_.results().size(), 3U);
  std::ifstream log(files_.shared("log"));
  std::string ran((std::istreambuf_iterator<char>(log)), {});
  std::sort(ran.begin(), ran.end());
  EXPECT_EQ(ran, "\n\n\nabc");
  EXPECT_EQ(files_.run(lines).status, 1);
}

TEST_F(batch_command, what_cannot_be_done_at_all_is_125) {
  EXPECT_EQ(files_.run({}).status, 125);
  EXPECT_EQ(run_sandfleet({"batch", "/nowhere", "-o", files_.results_path()}).status, 125);
  const auto tasks = files_.files_.write("good.jsonl", task_line("a", "true") + "\n");
  const auto unwritable = run_sandfleet({"batch", tasks, "-o", "/nowhere/results"});
  EXPECT_EQ(unwritable.status, 125);
  EXPECT_THAT(unwritable.err, HasSubstr("/nowhere/results"));
  EXPECT_EQ(files_.run({task_line("a", "true")}, {"--provider", "nobody"}).status, 125);
}

TEST_F(batch_command, programs_get_the_summary_as_json) {
  const auto done =
      files_.run({task_line("a", "true"), task_line("b", "false")}, {"--output", "json"});
  EXPECT_EQ(done.status, 1) << done.err;
  const auto summary = boost::json::parse(done.out);
  EXPECT_EQ(summary.at("tasks").as_int64(), 2);
  EXPECT_EQ(summary.at("passed").as_int64(), 1);
  EXPECT_EQ(summary.at("failed_by_class").at("agent").as_int64(), 1);
}

} // namespace
} // namespace sandfleet::test
