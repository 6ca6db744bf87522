#include "tests/support/leftovers.hpp"
#include "tests/unit/agent_bash/session_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <csignal>
#include <fstream>

namespace sandfleet::agent {
namespace {

TEST_F(session_test, a_command_gives_its_output_and_exit_code) {
  const auto seen = eval("echo hi; false");
  EXPECT_EQ(seen.output, "hi\n");
  EXPECT_EQ(seen.exit_code, 1);
  EXPECT_FALSE(seen.truncated || seen.timed_out || seen.shell_ended || seen.shell_restarted);
}

TEST_F(session_test, state_persists) {
  eval("export A=1; b=2; f() { echo \"f $A $b\"; }; alias g='echo alias'; mkdir -p 'd '; cd 'd '");
  EXPECT_EQ(output("f; g"), "f 1 2\nalias\n");
  EXPECT_EQ(output("pwd"), (directory_ / "d ").string() + "\n");
  EXPECT_EQ(session().working_dir(), (directory_ / "d ").string());
}

TEST_F(session_test, exit_status_of_the_command_before_is_seen) {
  eval("(exit 7)");
  EXPECT_EQ(output("echo $?"), "7\n");
  eval("(exit 8)");
  EXPECT_EQ(output("echo $? #" + std::string(9000, 'x')), "8\n");
}

TEST_F(session_test, background_jobs_persist_and_can_be_waited_for) {
  EXPECT_EQ(eval("mkfifo p; { read x < p; exit 5; } & j=$!").exit_code, 0);
  EXPECT_EQ(eval("echo > p; wait $j").exit_code, 5);
}

TEST_F(session_test, several_lines_are_one_command) {
  const auto seen = eval("for i in 1 2; do\n  echo $i\ndone\necho end\n(exit 4)");
  EXPECT_EQ(seen.output, "1\n2\nend\n");
  EXPECT_EQ(seen.exit_code, 4);
}

TEST_F(session_test, here_document_with_tabs_bang_and_quotes) {
  EXPECT_EQ(output("cat <<'EOF'\na!b !! $x 'q' \"r\" \\\nEOF\n"), "a!b !! $x 'q' \"r\" \\\n");
  EXPECT_EQ(output("echo 'hi!' \"!x\""), "hi! !x\n");
  EXPECT_EQ(output("printf '%s' 'a\tb' | od -An -c | tr -d ' \\n'"), "a\\tb");
}

TEST_F(session_test, control_and_invalid_bytes_arrive) {
  EXPECT_EQ(output("printf '%s' '\x03\x04\x15\x16\x1a\x7f\r\xff' | od -An -tx1"),
            " 03 04 15 16 1a 7f 0d ff\n");
}

TEST_F(session_test, lines_beyond_the_terminal_limit_arrive_whole) {
  for (const std::size_t size : {3990U, 3995U, 4000U, 4094U, 4095U, 4096U, 4097U, 9000U, 100000U})
    EXPECT_EQ(output("printf %s " + std::string(size, 'x') + " | wc -c"),
              std::to_string(size) + "\n");
}

TEST_F(session_test, standard_input_is_a_file) {
  EXPECT_EQ(output("cat; echo end"), "end\n");
  std::ofstream(directory_ / "in 'put") << "from file\n";
  command_request request;
  request.command = "cat";
  request.stdin_path = (directory_ / "in 'put").string();
  EXPECT_EQ(eval(request).output, "from file\n");
}

TEST_F(session_test, a_syntax_error_is_an_exit_code) {
  const auto seen = eval("if )");
  EXPECT_NE(seen.output.find("syntax error"), std::string::npos);
  EXPECT_NE(seen.exit_code, 0);
  EXPECT_EQ(output("echo \"unclosed\necho x").find("x\n"), std::string::npos);
  EXPECT_EQ(output("echo ok"), "ok\n");
}

TEST_F(session_test, exit_ends_the_shell_with_its_status) {
  eval("A=1");
  auto seen = eval("echo bye; exit 3");
  EXPECT_EQ(seen.output.substr(0, 4), "bye\n");
  EXPECT_EQ(seen.exit_code, 3);
  EXPECT_TRUE(seen.shell_ended);
  seen = eval("echo \"[${A-}]\"");
  EXPECT_TRUE(seen.shell_restarted);
  EXPECT_EQ(seen.output, "[]\n");
  EXPECT_FALSE(eval("true").shell_restarted);
}

TEST_F(session_test, the_end_is_seen_though_a_job_holds_the_terminal) {
  const auto seen = eval("sleep 1000 & disown; exit 4");
  EXPECT_EQ(seen.exit_code, 4);
  EXPECT_TRUE(seen.shell_ended);
}

TEST_F(session_test, set_e_exec_and_kill_end_the_shell) {
  eval("set -e");
  EXPECT_EQ(eval("false; echo no").exit_code, 1);
  EXPECT_EQ(eval("exec true").exit_code, 0);
  EXPECT_EQ(eval("kill -9 $$").exit_code, 128 + SIGKILL);
  const auto seen = eval("echo on");
  EXPECT_TRUE(seen.shell_restarted);
  EXPECT_EQ(seen.output, "on\n");
}

TEST_F(session_test, shell_options_do_not_break_the_marks) {
  for (const char* option :
       {"set -u", "set -x", "set -v", "set -o posix", "set -f", "IFS=x", "shopt -s extdebug",
        "trap 'echo trap' DEBUG", "unset PATH; PATH=/bin", "PS1=x PS2=y PS0=z", "unset PS1 PS2 PS0",
        "set -u; unset PS0", "PS0=", "shopt -s nocasematch", "unset PWD; cd /tmp", "LC_ALL=C",
        "exec bash --norc"}) {
    EXPECT_EQ(eval(option).exit_code, 0) << option;
    EXPECT_EQ(eval("(exit 9)").exit_code, 9) << option;
  }
}

TEST_F(session_test, names_that_are_taken_do_not_take_the_command) {
  eval("eval() { :; }; builtin() { :; }; command() { :; }; printf() { :; }; PATH=/nowhere; "
       "alias eval=true; enable -n echo");
  EXPECT_EQ(eval("(exit 9)").exit_code, 9);
  EXPECT_EQ(output("/bin/echo on"), "on\n");
  eval("exit");
  EXPECT_TRUE(eval("eval() { :; }; readonly -f eval").shell_ended);
  EXPECT_EQ(output("echo on"), "on\n");
  EXPECT_EQ(eval("set -o posix").exit_code, 0);
  EXPECT_EQ(output("[[ -o posix ]] && echo still"), "still\n");
}

TEST_F(session_test, a_shell_without_standard_error_is_still_talked_to) {
  for (const std::string change : {"exec 2>err", "exec 2>/dev/null", "exec 2>&-",
                                   "exec 2>&1 >out 2>&1", "exec >&- 2>&-", "exec 2> >(cat >err)"}) {
    EXPECT_EQ(eval(change + "; (exit 5)").exit_code, 5) << change;
    EXPECT_EQ(eval("n=$?; echo err >&2; (exit $n)").exit_code, 5) << change;
    EXPECT_EQ(eval("n=$?; : " + std::string(9000, 'x') + "; echo out; (exit $((n + 1)))").exit_code,
              6)
        << change;
    EXPECT_EQ(eval("n=$?; exec >/dev/tty 2>&1; (exit $((n + 1)))").exit_code, 7) << change;
    EXPECT_EQ(output("echo \"$?\"; echo err >&2"), "7\nerr\n") << change;
  }
}

TEST_F(session_test, no_file_gets_marks_that_would_be_taken_for_a_prompt) {
  eval("exec 2>err");
  eval("echo one >&2");
  const auto seen = eval("cat err; (exit 4)");
  EXPECT_EQ(seen.output, "one\n");
  EXPECT_EQ(seen.exit_code, 4);
}

TEST_F(session_test, a_text_with_open_quotes_is_no_success) {
  for (const std::string text : {"'", "echo \"a", "echo `date", "eval \"'\"", "echo 'a\n\n"}) {
    eval("(exit 5)");
    const auto seen = eval(text);
    EXPECT_EQ(seen.exit_code, 2) << text;
    EXPECT_NE(seen.output.find("unexpected EOF"), std::string::npos) << text;
    EXPECT_EQ(output("echo \"$?\""), "2\n") << text;
  }
  eval("(exit 5)");
  EXPECT_EQ(eval("echo \\").exit_code, 0);
  eval("exec bash");
  EXPECT_EQ(eval("exec bash").exit_code, 0);
}

TEST_F(session_test, a_copy_of_the_prompt_is_not_taken_for_the_next_command_s_end) {
  for (const char* copy : {"printf %s \"${PS1@P}\"; sleep 0.1; echo late; (exit 5)",
                           "printf %s%s \"${PS1@P}\" \"${PS1@P}\"; sleep 0.1; (exit 5)"}) {
    EXPECT_EQ(eval(copy).exit_code, 5);
    const auto next = eval("echo next; (exit 7)");
    EXPECT_EQ(next.exit_code, 7);
    EXPECT_EQ(next.output, "next\n");
  }
}

TEST_F(session_test, commands_that_a_trap_skips_are_no_success) {
  eval("shopt -s extdebug; f() { return 1; }; trap f DEBUG");
  const auto skipped = eval("echo on");
  EXPECT_EQ(skipped.exit_code, 1);
  EXPECT_NE(skipped.output.find("DEBUG trap skips commands"), std::string::npos);
  eval("exit"); // skipped too
  EXPECT_EQ(eval("echo on").exit_code, 1);
}

TEST_F(session_test, a_trap_that_skips_nothing_is_no_trouble) {
  eval("shopt -s extdebug; trap : DEBUG");
  EXPECT_EQ(output("echo on"), "on\n");
  EXPECT_EQ(eval("(exit 6)").exit_code, 6);
}

TEST_F(session_test, what_the_shell_was_doing_is_told_at_a_time_out) {
  const std::pair<const char*, const char*> cases[] = {
      {"sleep 1000", "running a command"},
      {"while :; do :; done", "busy"},
      {"mkfifo f; read x < f", "waiting, and not at its prompt"},
      {"unset PROMPT_COMMAND PS1", "waiting, and not at its prompt"},
      {"kill -STOP $$", "stopped"},
      {"exec sleep 1000", "replaced by 'sleep'"},
  };
  for (const auto& [text, standing] : cases) {
    command_request request;
    request.command = text;
    request.timeout = std::chrono::milliseconds(300);
    const auto seen = eval(request);
    EXPECT_TRUE(seen.timed_out) << text;
    EXPECT_EQ(seen.shell, standing) << text;
  }
  EXPECT_EQ(eval("kill -SEGV $$").shell, "ended by signal 11");
  EXPECT_EQ(eval("exit 3").shell, "has ended");
  EXPECT_EQ(eval("true").shell, "");
}

TEST_F(session_test, prompts_that_are_changed_are_set_again_and_show_nothing) {
  for (const char* change : {"PS1=\"(venv) $PS1\"", "PS1=$PS1'> '", "PS2='more> '", "PS0='start '",
                             "PS0=$PS0'start '", "PS1=$PS1$PS2", "unset PS1", "unset PS0"}) {
    EXPECT_EQ(output(change), "") << change;
    EXPECT_EQ(output("echo one\necho two"), "one\ntwo\n") << change;
    EXPECT_EQ(eval("if true").exit_code, 2) << change;
    EXPECT_EQ(output("echo on"), "on\n") << change;
  }
}

TEST_F(session_test, forged_marks_are_output) {
  const auto seen =
      eval("printf '\\033]6973;%s;P;7;;1;s;4;a;b;c;d\\007' x; echo -e \"$PS1\" \"$PS0\" \"$PS2\"; "
           "set; env; echo \"${PS1@P}\" > /dev/null; (exit 2)");
  EXPECT_EQ(seen.exit_code, 2);
  EXPECT_EQ(output("echo next"), "next\n");
}

TEST_F(session_test, hostile_output_neither_stops_nor_breaks_the_agent) {
  const std::string replaced = "\xef\xbf\xbd";
  EXPECT_EQ(output(R"(printf 'x\033[b')"), "xx");
  EXPECT_EQ(output(R"(printf '\302\200\303\244')"), replaced + "\xc3\xa4");
  EXPECT_EQ(output(R"(printf '\033['; printf '1;%.0s' {1..5000}; printf 'mx')"), "x");
  EXPECT_EQ(output(R"(printf '\033#8%.0s' {1..5000})"), "");
  EXPECT_EQ(output("echo fine"), "fine\n");
}

TEST_F(session_test, output_is_dropped_from_the_front) {
  command_request request;
  request.command = "seq 1 1000000";
  request.max_output_bytes = 70;
  const auto seen = eval(request);
  EXPECT_TRUE(seen.truncated);
  EXPECT_EQ(seen.output, "99991\n999992\n999993\n999994\n999995\n999996\n999997\n999998\n"
                         "999999\n1000000\n");
}

TEST_F(session_test, five_megabytes_without_a_newline) {
  const auto seen = eval("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo end");
  EXPECT_TRUE(seen.truncated);
  EXPECT_EQ(seen.output.size(), default_max_output_bytes);
  EXPECT_EQ(seen.output.substr(seen.output.size() - 6), "x\nend\n");
}

TEST_F(session_test, a_time_out_kills_all_that_the_session_started) {
  eval("setsid sleep 1000 & a=$!; (setsid sh -c 'echo $$ > daemon; exec sleep 1000' &) ; "
       "while [ ! -s daemon ]; do :; done; echo $a > job");
  command_request request;
  request.command = "trap '' TERM INT HUP; echo before; while :; do :; done";
  request.timeout = std::chrono::milliseconds(50);
  const auto seen = eval(request);
  EXPECT_TRUE(seen.timed_out);
  EXPECT_FALSE(seen.exit_code.has_value());
  EXPECT_EQ(seen.output, "before\n");
  for (const char* file : {"job", "daemon"}) {
    int pid = 0;
    std::ifstream(directory_ / file) >> pid;
    ASSERT_GT(pid, 0);
    EXPECT_TRUE(tests::ends(pid)) << file;
  }
  EXPECT_TRUE(eval("true").shell_restarted);
}

TEST_F(session_test, calls_run_in_the_order_in_which_they_came) {
  std::vector<std::string> seen;
  for (int i = 0; i < 5; ++i) {
    boost::asio::co_spawn(
        context_,
        [&, i]() -> boost::asio::awaitable<void> {
          command_request request;
          request.command = "echo " + std::to_string(i);
          auto outcome = co_await session().eval(std::move(request));
          seen.push_back(outcome ? outcome->output : "");
        },
        [&](std::exception_ptr) {
          if (seen.size() == 5)
            context_.stop();
        });
  }
  context_.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"0\n", "1\n", "2\n", "3\n", "4\n"}));
}

TEST_F(session_test, closing_answers_what_runs) {
  bool answered = false;
  eval("true");
  boost::asio::co_spawn(
      context_,
      [&]() -> boost::asio::awaitable<void> {
        command_request request;
        request.command = "sleep 1000";
        const auto outcome = co_await session_->eval(std::move(request));
        answered = !outcome && outcome.error().code == errc::shutting_down;
      },
      [&](std::exception_ptr) { context_.stop(); });
  context_.restart();
  context_.poll();
  session_.reset();
  context_.run();
  EXPECT_TRUE(answered);
}

TEST_F(session_test, a_cancelled_call_kills_what_it_started_and_leaves_a_usable_session) {
  eval("true");
  boost::asio::cancellation_signal stop;
  boost::asio::co_spawn(
      context_,
      [&]() -> boost::asio::awaitable<void> {
        command_request request;
        request.command = "sleep 1000";
        co_await session_->eval(std::move(request));
      },
      boost::asio::bind_cancellation_slot(stop.slot(),
                                          [&](std::exception_ptr) { context_.stop(); }));
  context_.restart();
  context_.poll();
  stop.emit(boost::asio::cancellation_type::terminal);
  context_.run();
  const auto seen = eval("echo on");
  EXPECT_EQ(seen.output, "on\n");
  EXPECT_TRUE(seen.shell_restarted);
}

TEST_F(session_test, startup_files_that_change_prompts_or_end_the_shell_do_no_harm) {
  std::ofstream(directory_ / ".bashrc")
      << "PS1='mine> '; PROMPT_COMMAND='echo noise'; trap 'true' DEBUG; set -u; F=1; echo hello\n";
  EXPECT_EQ(output("echo $F"), "1\n");
  session_.reset();
  std::ofstream(directory_ / ".bashrc") << "exit 1\n";
  EXPECT_EQ(output("echo ok"), "ok\n");
  EXPECT_FALSE(std::filesystem::exists(directory_ / ".bash_history"));
}

TEST_F(session_test, a_missing_directory_is_an_error_that_names_it) {
  settings_.working_dir = (directory_ / "nowhere").string();
  auto outcome = await(session().start());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::not_found);
  EXPECT_NE(outcome.error().message.find("nowhere"), std::string::npos);
}

TEST_F(session_test, a_path_that_leads_nowhere_takes_no_shell_away) {
  settings_.env["PATH"] = "/nowhere";
  const auto outcome = await(session().start());
  EXPECT_TRUE(outcome) << outcome.error().to_string();
}

} // namespace
} // namespace sandfleet::agent
