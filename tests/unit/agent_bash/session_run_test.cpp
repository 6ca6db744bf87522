#include "sandbox_agent/bash/run_reply.hpp"
#include "tests/unit/agent_bash/session_fixture.hpp"

#include <fstream>

namespace sandfleet::agent {
namespace {

class run_test : public session_test {
 protected:
  bool eval_is_refused() {
    command_request request;
    request.command = "true";
    return !await(session().eval(std::move(request))).has_value();
  }

  /// Runs a command that goes on.
  protocol::run_observation leave_running(std::string command) {
    protocol::run_action action;
    action.command = std::move(command);
    action.timeout = 0.25;
    return run(std::move(action));
  }
};

TEST_F(run_test, a_completed_command_has_output_and_metadata) {
  const auto seen = run("echo hi");
  EXPECT_EQ(seen.content, "hi");
  EXPECT_EQ(seen.command, "echo hi");
  EXPECT_EQ(seen.metadata.exit_code, 0);
  EXPECT_EQ(seen.metadata.pid, -1);
  EXPECT_EQ(seen.metadata.working_dir, directory_.string());
  EXPECT_TRUE(seen.metadata.username && !seen.metadata.username->empty());
  EXPECT_TRUE(seen.metadata.hostname && !seen.metadata.hostname->empty());
  EXPECT_TRUE(seen.metadata.py_interpreter_path);
  EXPECT_EQ(seen.metadata.prefix, "");
  EXPECT_EQ(seen.metadata.suffix, "\n[The command completed with exit code 0.]");
}

TEST_F(run_test, the_interpreter_is_searched_in_the_path_that_the_shell_has) {
  EXPECT_EQ(run("mkdir bin; printf '#!/bin/sh\\n' > bin/python; chmod +x bin/python").content, "");
  EXPECT_EQ(run("PATH=$PWD/bin:$PATH").metadata.py_interpreter_path,
            (directory_ / "bin/python").string());
  EXPECT_EQ(run("PATH=bin").metadata.py_interpreter_path, (directory_ / "bin/python").string());
  EXPECT_EQ(run("PATH=/nowhere").metadata.py_interpreter_path, "");
}

TEST_F(run_test, output_is_stripped_at_both_ends_and_each_line_at_its_end) {
  EXPECT_EQ(run("printf '\\n  a  \\n  b\\n\\n'").content, "a\n  b");
}

TEST_F(run_test, a_job_and_a_directory_are_in_the_metadata) {
  const auto seen = run("mkdir -p \"x 'y\"$'\\n'z; cd x*; sleep 1000 &");
  EXPECT_GT(seen.metadata.pid, 0);
  EXPECT_EQ(seen.metadata.working_dir, (directory_ / "x 'y\nz").string());
  EXPECT_EQ(session().working_dir(), (directory_ / "x 'y\nz").string());
}

TEST_F(run_test, a_compound_command_over_several_lines_is_typed_as_it_is) {
  EXPECT_EQ(run("for i in 1 2\ndo\n  # comment\n\n  echo $i\ndone").content, "1\n2");
  EXPECT_EQ(run("cat <<EOF\na\n\tb\nEOF").content, "a\n        b");
  EXPECT_EQ(run("f()\n{\n  echo 'two\nlines' \\\n  end\n}").content, "");
  EXPECT_EQ(run("f && \\\n f").content, "two\nlines end\ntwo\nlines end");
  EXPECT_EQ(run("echo \"a\nb\" |\n\n  cat").content, "a\nb");
}

TEST_F(run_test, several_commands_are_refused) {
  protocol::run_action action;
  action.command = "echo a\necho b # c\n\ncd /";
  const auto answer = await(session().run(action));
  ASSERT_TRUE(std::holds_alternative<protocol::error_observation>(answer));
  EXPECT_EQ(std::get<protocol::error_observation>(answer).content,
            "ERROR: Cannot execute multiple commands at once.\nPlease run each command separately "
            "OR chain them into a single command via && or ;\nProvided commands:\n(1) echo "
            "a\n(2) echo b # c\n(3) cd /");
}

TEST_F(run_test, syntax_errors_are_reported_without_the_echo) {
  auto seen = run("if )");
  EXPECT_EQ(seen.content, "bash: syntax error near unexpected token `)'");
  EXPECT_EQ(seen.metadata.exit_code, 2);
  seen = run("for i in 1; do\n  echo )\ndone");
  EXPECT_NE(seen.content.find("syntax error"), std::string::npos);
  EXPECT_NE(seen.metadata.exit_code, 0);
  EXPECT_EQ(run("echo next").content, "next");
}

TEST_F(run_test, long_lines_and_control_bytes_are_run_whole) {
  EXPECT_EQ(run("printf %s " + std::string(9000, 'x') + " | wc -c").content, "9000");
  EXPECT_EQ(run("printf %s 'a\x03\x1a' | wc -c").content, "3");
  EXPECT_EQ(run("echo 'hi!!' a\tb").content, "hi!! a b");
}

TEST_F(run_test, nothing_running_has_nothing_to_show) {
  EXPECT_EQ(run("").content, "ERROR: No previous running command to retrieve logs from.");
  EXPECT_EQ(input("x").content, "ERROR: No previous running command to interact with.");
  EXPECT_EQ(input("x").metadata.exit_code, -1);
}

TEST_F(run_test, a_command_that_waits_is_reported_and_takes_input) {
  settings_.no_change_timeout = std::chrono::milliseconds(40);
  auto seen = run("read -p 'name? ' n; echo \"hello $n\"");
  EXPECT_EQ(seen.content, "name?");
  EXPECT_EQ(seen.metadata.exit_code, -1);
  EXPECT_FALSE(seen.metadata.working_dir);
  EXPECT_EQ(seen.metadata.suffix, no_change_suffix(std::chrono::milliseconds(40)));
  seen = run("echo other");
  EXPECT_EQ(seen.metadata.suffix, not_executed_suffix("echo other"));
  EXPECT_EQ(seen.metadata.prefix, "[Below is the output of the previous command.]\n");
  EXPECT_EQ(seen.content, "");
  seen = input("you");
  EXPECT_EQ(seen.content, "hello you");
  EXPECT_EQ(seen.metadata.exit_code, 0);
  EXPECT_EQ(seen.metadata.suffix, "\n[The command completed with exit code 0.]");
}

TEST_F(run_test, a_hard_time_out_names_its_seconds_and_leaves_the_command_running) {
  auto seen = leave_running("echo a; read x; echo \"b$x\"");
  EXPECT_EQ(seen.content, "a");
  EXPECT_EQ(seen.metadata.suffix, time_out_suffix(0.25));
  EXPECT_NE(seen.metadata.suffix.find("timed out after 0.25 seconds. You may"), std::string::npos);
  seen = input("1");
  EXPECT_EQ(seen.content, "b1");
}

TEST_F(run_test, an_empty_command_waits_for_the_end) {
  run("mkfifo fifo");
  leave_running("echo a; read x < fifo; echo \"b$x\"; (exit 3)");
  std::ofstream(directory_ / "fifo") << "1\n";
  const auto seen = run("");
  EXPECT_EQ(seen.content, "b1");
  EXPECT_EQ(seen.metadata.exit_code, 3);
  EXPECT_EQ(run("").content, "ERROR: No previous running command to retrieve logs from.");
}

TEST_F(run_test, a_command_that_ended_unseen_gives_its_rest_to_the_next_one) {
  run("mkfifo fifo");
  leave_running("echo a; read x < fifo; echo \"b$x\"");
  EXPECT_TRUE(eval_is_refused());
  std::ofstream(directory_ / "fifo") << "1\n";
  EXPECT_EQ(run("").content, "b1");
}

TEST_F(run_test, a_shell_that_ended_unseen_is_replaced) {
  run("mkfifo fifo");
  leave_running("read x < fifo; exit 3");
  const auto pid = session().shell_pid();
  std::ofstream(directory_ / "fifo") << "1\n";
  context_.restart();
  while (session().shell_pid() == pid)
    context_.run_one();
  const auto seen = run("echo on");
  EXPECT_EQ(seen.content, "on");
  EXPECT_EQ(seen.metadata.prefix, "[The shell had ended with exit code 3; this is a new one.]\n");
}

TEST_F(run_test, keys_end_a_command) {
  leave_running("sleep 1000");
  auto seen = input("C-c");
  // The kernel sends the signal and then echoes the key, sometimes behind the shell's prompt.
  EXPECT_TRUE(seen.content == "^C" || seen.content.empty()) << seen.content;
  EXPECT_EQ(seen.metadata.exit_code, 130);
  EXPECT_EQ(seen.metadata.suffix, "\n[The command completed with exit code 130. CTRL+C was sent.]");
  leave_running("cat");
  EXPECT_EQ(input("C-d").metadata.exit_code, 0);
  leave_running("sleep 1000");
  EXPECT_EQ(input("C-z").metadata.exit_code, 148);
  run("true");
  EXPECT_EQ(run("C-c").metadata.exit_code, 130);
  EXPECT_EQ(run("echo on").content, "on");
}

TEST_F(run_test, keys_at_the_prompt_leave_nothing_behind) {
  EXPECT_EQ(run("(exit 9)").metadata.exit_code, 9);
  for (const auto* key : {"C-l", "C-z", "C-a", "C-u"}) {
    const auto seen = run(key);
    EXPECT_EQ(seen.metadata.exit_code, 9) << key;
    EXPECT_EQ(seen.content, "") << key;
  }
  EXPECT_EQ(run("C-c").metadata.exit_code, 130);
  EXPECT_EQ(run("echo after").content, "after");
}

TEST_F(run_test, what_goes_on_is_said_where_nothing_is_new) {
  protocol::run_action quiet;
  quiet.command = "sleep 100";
  quiet.timeout = 0.2;
  EXPECT_EQ(run(quiet).metadata.prefix, "");
  EXPECT_EQ(run("echo other").metadata.prefix, "[Below is the output of the previous command.]\n");
  quiet.command = "";
  EXPECT_EQ(run(quiet).metadata.prefix, "[Below is the output of the previous command.]\n");
  protocol::run_action stop;
  stop.command = "C-c";
  stop.is_input = true;
  EXPECT_EQ(run(stop).metadata.prefix, "");
}

TEST_F(run_test, text_that_is_not_complete_takes_its_rest_as_input) {
  settings_.no_change_timeout = std::chrono::milliseconds(40);
  EXPECT_EQ(run("echo \"a").metadata.exit_code, -1);
  EXPECT_EQ(input("b\"").content, "a\nb");
  EXPECT_EQ(run("echo \"a").metadata.exit_code, -1);
  EXPECT_EQ(input("C-c").metadata.exit_code, 130);
  EXPECT_EQ(run("echo on").content, "on");
}

TEST_F(run_test, the_end_of_the_shell_is_said_and_the_next_command_gets_a_new_one) {
  auto seen = run("exit 3");
  EXPECT_EQ(seen.metadata.exit_code, 3);
  EXPECT_NE(seen.metadata.suffix.find("[The command completed with exit code 3.]"),
            std::string::npos);
  EXPECT_NE(seen.metadata.suffix.find("new one"), std::string::npos);
  EXPECT_EQ(run("echo on").content, "on");
}

TEST_F(run_test, output_beyond_the_history_limit_is_dropped_and_said) {
  settings_.history_limit = 100;
  const auto seen = run("seq 1 5000");
  EXPECT_EQ(seen.metadata.prefix, "[Previous command outputs are truncated. Showing the last 100 "
                                  "lines of the output below.]\n");
  EXPECT_EQ(seen.content.substr(0, 10), "4901\n4902\n");
  EXPECT_EQ(seen.content.substr(seen.content.size() - 4), "5000");
}

TEST_F(run_test, lines_that_all_end_in_cr_lf_are_lines) {
  EXPECT_EQ(run("for i in 1 2; do\r\necho $i\r\ndone\r\n").content, "1\n2");
  EXPECT_EQ(run("cat <<'END' | od -An -c\r\na\r\nEND\r\n").content, "a  \\n");
  EXPECT_EQ(run("printf %s 'a\r\nb\n' | wc -c").content, "5");
}

TEST_F(run_test, input_ends_with_the_key_for_return) {
  leave_running("stty -icrnl -icanon min 3; head -c 3 | od -An -c; stty sane");
  protocol::run_action input;
  input.command = "ab";
  input.is_input = true;
  EXPECT_NE(run(std::move(input)).content.find("a   b  \\r"), std::string::npos);
}

TEST_F(run_test, a_static_command_in_no_named_directory_starts_where_the_first_session_did) {
  run("cd /");
  protocol::run_action action;
  action.command = "pwd";
  action.is_static = true;
  action.cwd = "";
  EXPECT_EQ(run(std::move(action)).content, directory_.string());
}

TEST_F(run_test, a_static_command_has_a_session_of_its_own) {
  run("A=1; mkdir sub");
  protocol::run_action action;
  action.command = "echo \"[$A]\"; pwd; cd /";
  action.is_static = true;
  action.cwd = (directory_ / "sub").string();
  EXPECT_EQ(run(action).content, "[]\n" + (directory_ / "sub").string());
  EXPECT_EQ(run("echo $A; pwd").content, "1\n" + directory_.string());
}

TEST_F(run_test, what_a_job_prints_at_the_prompt_belongs_to_the_next_command) {
  run("mkfifo p q; { read x < p; echo from the job; echo > q; } & disown");
  run("echo > p; read x < q");
  EXPECT_EQ(run("echo next").content, "next");
  run("{ read x < p; echo late; } & disown");
  std::ofstream(directory_ / "p") << "go\n";
  const auto seen = run("wait; while kill -0 $! 2>/dev/null; do :; done; echo next").content;
  EXPECT_EQ(seen, "late\nnext");
}

TEST_F(run_test, full_screen_programs_and_progress_bars_become_text) {
  EXPECT_EQ(run("printf 'one\\rtwo\\n\\033[31mred\\033[m\\n'").content, "two\nred");
  EXPECT_EQ(run("printf 'before\\n\\033[?1049h\\033[Hinside\\033[?1049lafter\\n'").content,
            "before\nafter");
}

TEST_F(run_test, a_terminal_question_is_answered_and_does_not_spoil_the_next_command) {
  EXPECT_EQ(run("IFS= read -rs -d R -p $'\\033[6n' x; printf '%q\\n' \"$x\"").content,
            "$'\\E[1;1'");
  EXPECT_EQ(run("printf '\\033[6n'; sleep 0.01").metadata.exit_code, 0);
  EXPECT_EQ(run("echo clean").content, "clean");
}

TEST_F(run_test, readline_can_be_turned_on) {
  run("set -o vi");
  const auto seen = run("echo hi; (exit 3)");
  EXPECT_EQ(seen.content, "hi");
  EXPECT_EQ(seen.metadata.exit_code, 3);
}

} // namespace
} // namespace sandfleet::agent
