#include "tests/integration/workspace/workspace_fixture.hpp"

namespace sandfleet::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using workspace = workspace_fixture;

TEST_F(workspace, of_a_repository_has_its_script_run_and_its_hook_installed) {
  origin_.commit({{".openhands/setup.sh", "export FROM_SETUP=yes\necho prepared\n"},
                  {".openhands/pre-commit.sh", "! grep -q bad *.txt\n"}});
  auto box = fresh();
  auto wanted = of_origin();
  wanted.git_user_name = "Ada \"L\" O'Hara";
  wanted.git_user_email = "ada@example.org";
  const auto report = wait_for(box.set_up(wanted));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->directory, "/workspace/project");
  EXPECT_THAT(report->branch, ::testing::MatchesRegex("openhands-workspace-[a-z0-9]{8}"));
  ASSERT_TRUE(report->setup_script);
  EXPECT_THAT(report->setup_script->output, HasSubstr("prepared"));
  EXPECT_TRUE(report->hook_installed);
  EXPECT_FALSE(report->hook_preserved);
  EXPECT_EQ(shown(), "READY SETTING_UP_WORKSPACE SETTING_UP_GIT_HOOKS READY ");

  EXPECT_EQ(said(box, "pwd"), "/workspace/project");
  EXPECT_EQ(said(box, "git branch --show-current"), report->branch);
  EXPECT_EQ(said(box, "git remote get-url origin"), "file:///srv/project");
  EXPECT_EQ(said(box, "echo $FROM_SETUP"), "yes") << "the script is sourced";
  EXPECT_EQ(run(box, "echo bad > a.txt; git add a.txt; git commit -qm one")->exit_code, 1);
  EXPECT_EQ(run(box, "echo good > a.txt; git add a.txt; git commit -qm two")->exit_code, 0);
  EXPECT_EQ(said(box, "git log -1 --format='%an <%ae>'"), "Ada \"L\" O'Hara <ada@example.org>");
}

TEST_F(workspace, whose_script_fails_is_the_tasks_fault_and_has_its_hook_all_the_same) {
  origin_.commit({{".openhands/setup.sh", "echo the compiler is missing\nreturn 3\n"},
                  {".openhands/pre-commit.sh", "exit 0\n"}});
  auto box = fresh();
  const auto report = wait_for(box.set_up(of_origin()));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::invalid_argument);
  EXPECT_EQ(report.error().blame, failure_class::task);
  EXPECT_THAT(report.error().to_string(), HasSubstr("the compiler is missing"));
  EXPECT_THAT(report.error().to_string(), HasSubstr("exit_code=3"));
  EXPECT_EQ(box.state(), sandbox_state::ready);
  EXPECT_EQ(run(box, "test -x .git/hooks/pre-commit")->exit_code, 0);
}

TEST_F(workspace, whose_script_takes_too_long_is_told_as_such) {
  origin_.commit({{".openhands/setup.sh", "echo waiting\nread never < /dev/tty\n"}});
  auto box = fresh();
  auto wanted = of_origin();
  wanted.script_timeout = std::chrono::milliseconds{300};
  const auto report = wait_for(box.set_up(wanted));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::timed_out);
  EXPECT_EQ(report.error().blame, failure_class::task);
  EXPECT_EQ(box.state(), sandbox_state::ready);
}

TEST_F(workspace, without_a_repository_is_made_one_and_keeps_its_own_hook) {
  auto box = fresh();
  workspace_setup wanted;
  wanted.init_repository = true;
  auto report = wait_for(box.set_up(wanted));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->directory, "/workspace");
  EXPECT_FALSE(report->setup_script);
  EXPECT_FALSE(report->hook_installed);
  EXPECT_EQ(shown(), "READY ") << "nothing that is worth to be shown";

  EXPECT_TRUE(
      wait_for(box.write_file("/workspace/.git/hooks/pre-commit", "#!/bin/sh\nexit 5\n", 0755)));
  EXPECT_TRUE(wait_for(box.write_file(".openhands/pre-commit.sh", "exit 0\n")));
  report = wait_for(box.set_up({}));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_TRUE(report->hook_installed);
  EXPECT_TRUE(report->hook_preserved);
  EXPECT_EQ(shown(), "READY SETTING_UP_GIT_HOOKS READY ");
  EXPECT_EQ(run(box, "/workspace/.git/hooks/pre-commit.local")->exit_code, 5);
  EXPECT_EQ(
      run(box, "git -c user.name=a -c user.email=a@x commit -q --allow-empty -m x")->exit_code, 0);

  report = wait_for(box.set_up({}));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_FALSE(report->hook_preserved) << "our own is simply replaced";
  EXPECT_EQ(run(box, "/workspace/.git/hooks/pre-commit.local")->exit_code, 5);
}

TEST_F(workspace, gives_its_variables_to_all_that_runs) {
  auto box = fresh();
  run(box, "cd /tmp");
  workspace_setup wanted;
  wanted.env = {{"GREETING", "it's $HOME \"here\"\nand there"}};
  const auto report = wait_for(box.set_up(wanted));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(said(box, "echo \"$GREETING\""), "it's $HOME \"here\"\nand there");
  EXPECT_EQ(said(box, "pwd"), "/tmp");
  exec_request direct;
  direct.argv = {"printenv", "GREETING"};
  EXPECT_EQ(wait_for(box.exec(direct))->out, "it's $HOME \"here\"\nand there\n");
  command_request other;
  other.session = session_name("other");
  other.command = "echo ${#GREETING}";
  EXPECT_EQ(wait_for(box.run(other))->output, said(box, "echo ${#GREETING}") + "\n");
  EXPECT_EQ(wait_for(box.set_environment({{"A B", "x"}})).error().code, errc::invalid_argument);
}

TEST_F(workspace, of_a_sandbox_without_git_is_told_so) {
  auto box = fresh();
  EXPECT_TRUE(wait_for(box.set_environment({{"PATH", "/nowhere"}})));
  auto wanted = of_origin();
  const auto report = wait_for(box.set_up(wanted));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, errc::not_found);
  EXPECT_EQ(report.error().blame, failure_class::task);
  EXPECT_THAT(report.error().hint, HasSubstr("git is needed"));
}

TEST_F(workspace, is_set_up_by_one_at_a_time) {
  origin_.commit({{".openhands/setup.sh", "echo here > /tmp/begun; read word < /tmp/go\n"}});
  auto box = fresh();
  ASSERT_EQ(run(box, "mkfifo /tmp/begun /tmp/go")->exit_code, 0);
  auto first =
      boost::asio::co_spawn(engine_->executor(), box.set_up(of_origin()), boost::asio::use_future);
  exec_request wait;
  wait.argv = {"cat", "/tmp/begun"};
  ASSERT_EQ(wait_for(box.exec(wait))->out, "here\n");
  EXPECT_EQ(box.state(), sandbox_state::setting_up_workspace);
  const auto second = wait_for(box.set_up(of_origin()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::already_exists);
  exec_request go;
  go.argv = {"sh", "-c", "echo > /tmp/go"};
  EXPECT_EQ(wait_for(box.exec(go))->exit_code, 0);
  const auto report = first.get();
  EXPECT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(box.state(), sandbox_state::ready);
}

} // namespace
} // namespace sandfleet::tests
