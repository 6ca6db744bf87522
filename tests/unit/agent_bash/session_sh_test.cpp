#include "sandbox_agent/bash/find_program.hpp"
#include "tests/unit/agent_bash/session_fixture.hpp"

#include <csignal>

namespace sandfleet::agent {
namespace {

struct shell_kind {
  const char* name;
  const char* program;
};

/// Sessions in a PATH that holds `sh` and some tools, but no bash.
class sh_test : public session_test, public ::testing::WithParamInterface<shell_kind> {
 protected:
  void SetUp() override {
    const auto program = find_program(GetParam().program, "/usr/bin:/bin", "/");
    if (!program)
      GTEST_SKIP() << GetParam().program << " is not installed";
    std::filesystem::create_directory(directory_ / "bin");
    std::filesystem::create_symlink(*program, directory_ / "bin/sh");
    for (const char* tool : {"cat", "seq", "sleep", "od", "wc", "env", "tr", "mkdir"}) {
      if (const auto found = find_program(tool, "/usr/bin:/bin", "/"))
        std::filesystem::create_symlink(*found, directory_ / "bin" / tool);
    }
    settings_.env["PATH"] = (directory_ / "bin").string();
  }
};

TEST_P(sh_test, commands_have_output_status_and_state) {
  const auto seen = eval("A=1; f() { echo \"f $A\"; }; mkdir d; cd d; (exit 7)");
  EXPECT_EQ(seen.output, "");
  EXPECT_EQ(seen.exit_code, 7);
  EXPECT_EQ(session().working_dir(), (directory_ / "d").string());
  EXPECT_EQ(output("echo $?; f"), "7\nf 1\n");
}

TEST_P(sh_test, any_text_arrives) {
  EXPECT_EQ(output("for i in 1 2; do\n\techo \"it's $i\"\ndone\ncat <<'E'\na\tb\nE"),
            "it's 1\nit's 2\na       b\n");
  EXPECT_EQ(output("printf %s 'a\x03\x04\x7f\\n\r' | od -An -tx1"), " 61 03 04 7f 5c 6e 0d\n");
  for (const std::size_t size : {990U, 1000U, 1022U, 1023U, 1024U, 4095U, 9000U})
    EXPECT_EQ(output("printf %s " + std::string(size, '\'') + std::string(size % 2, '\'') +
                     std::string(size, 'x') + " | wc -c | tr -d ' '"),
              std::to_string(size) + "\n");
}

TEST_P(sh_test, errors_and_ends_are_seen) {
  EXPECT_EQ(eval("if )").exit_code, 2);
  EXPECT_EQ(output("echo on"), "on\n");
  auto seen = eval("exit 3");
  EXPECT_EQ(seen.exit_code, 3);
  EXPECT_TRUE(seen.shell_ended);
  seen = eval("kill -9 $$");
  EXPECT_TRUE(seen.shell_restarted);
  EXPECT_EQ(seen.exit_code, 128 + SIGKILL);
  EXPECT_EQ(output("echo on"), "on\n");
}

TEST_P(sh_test, printing_the_shells_variables_forges_nothing) {
  const auto seen = eval("set; env; echo \"$PS1\"; printf '%b\\n' \"$PS1\"; (exit 5)");
  EXPECT_EQ(seen.exit_code, 5);
  EXPECT_EQ(output("echo next"), "next\n");
}

TEST_P(sh_test, a_time_out_kills) {
  command_request request;
  request.command = "echo a; trap '' INT TERM; while :; do :; done";
  request.timeout = std::chrono::milliseconds(50);
  const auto seen = eval(request);
  EXPECT_TRUE(seen.timed_out);
  EXPECT_EQ(seen.output, "a\n");
  EXPECT_TRUE(eval("true").shell_restarted);
}

TEST_P(sh_test, run_knows_keys_input_and_metadata) {
  auto seen = run("echo hi; (exit 2)");
  EXPECT_EQ(seen.content, "hi");
  EXPECT_EQ(seen.metadata.exit_code, 2);
  EXPECT_EQ(seen.metadata.working_dir, directory_.string());
  EXPECT_TRUE(seen.metadata.username && !seen.metadata.username->empty());
  settings_.no_change_timeout = std::chrono::milliseconds(40);
  session_.reset();
  EXPECT_EQ(run("read x; echo \"got $x\"").metadata.exit_code, -1);
  EXPECT_EQ(input("it").content, "got it");
  EXPECT_EQ(run("sleep 1000").metadata.exit_code, -1);
  EXPECT_EQ(input("C-c").metadata.exit_code, 130);
  EXPECT_EQ(run("f() {\n  echo in f\n}\n").content, "");
  EXPECT_EQ(run("f").content, "in f");
}

INSTANTIATE_TEST_SUITE_P(shells, sh_test,
                         ::testing::Values(shell_kind{"dash", "dash"},
                                           shell_kind{"busybox", "busybox"},
                                           shell_kind{"bash_as_sh", "bash"}),
                         [](const auto& one) { return std::string(one.param.name); });

} // namespace
} // namespace sandfleet::agent
