// What one action costs on each step of its way, from a bare shell to the engine's public API, all
// measured in turn in one run, so that the load of the machine falls on all alike.

#include "bench/action/agent_process.hpp"
#include "bench/action/engine_sandbox.hpp"
#include "bench/support/bare_shell.hpp"
#include "bench/support/samples.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>

namespace {

using namespace sandfleet;

/// What is promised (bench/SPECIFICATION.md).
constexpr double most_times_the_bare_pty = 3;
constexpr double most_us_by_the_engine = 100;
constexpr int check_attempts = 3;

constexpr const char* usage =
    "usage: sandfleet-action-bench [--rounds N] [--check] [--answers N]\n"
    "  --rounds N   measure N actions of each kind, in turn (default 2000)\n"
    "  --check      exit status 1 when the p50 break a promise of bench/SPECIFICATION.md; as load\n"
    "               only ever adds time, up to three times, until they keep it\n"
    "  --answers N  measure nothing: have the agent run N commands that each print their own\n"
    "               number; any wrong answer is an error\n";

struct options {
  int rounds = 2000;
  int answers = 0;
  bool check = false;
};

options parse(int argc, char** argv) {
  options out;
  for (int i = 1; i < argc; ++i) {
    int* number = std::strcmp(argv[i], "--rounds") == 0    ? &out.rounds
                  : std::strcmp(argv[i], "--answers") == 0 ? &out.answers
                                                           : nullptr;
    if (std::strcmp(argv[i], "--check") == 0) {
      out.check = true;
    } else if (number && i + 1 < argc && std::atoi(argv[i + 1]) > 0) {
      *number = std::atoi(argv[++i]);
    } else {
      std::fputs(usage, stderr);
      std::exit(2);
    }
  }
  return out;
}

void expect(bool right, const std::string& answer) {
  if (!right)
    throw std::runtime_error("a wrong answer: " + answer);
}

/// Numbers and plain words need no escapes.
std::string action_of(const std::string& command) {
  return R"({"action":{"action":"run","args":{"command":")" + command + R"("}}})";
}

void expect_content(const std::string& answer, const std::string& content) {
  expect(answer.find(R"("content":")" + content + '"') != std::string::npos &&
             answer.find(R"("exit_code":0,)") != std::string::npos,
         answer);
}

void expect_success(const exec_result& answer) {
  expect(answer.exit_code == 0 && answer.out.empty() && answer.err.empty(), answer.err);
}

/// The least that a process costs: no pipes, no session, waited for at once.
void run_bare(const char* program) {
  char* const argv[] = {const_cast<char*>(program), nullptr};
  pid_t pid = 0;
  int status = 0;
  expect(::posix_spawn(&pid, program, nullptr, nullptr, argv, environ) == 0 &&
             ::waitpid(pid, &status, 0) == pid && status == 0,
         program);
}

bool keeps(bool kept, const char* promise) {
  if (!kept)
    std::fprintf(stderr, "sandfleet-action-bench: broken: %s\n", promise);
  return kept;
}

bool measure(int rounds) {
  const bench::scratch_directory directory;
  bench::bare_shell bare(directory.path());
  bench::agent_process local(bench::transport_kind::unix_socket);
  bench::agent_process remote(bench::transport_kind::tcp_loopback);
  bench::engine_sandbox engine;
  const auto action = action_of("echo hi");
  const std::string exec_call = R"({"argv":["/bin/true"]})";
  exec_request program;
  program.argv = {"/bin/true"};

  bench::samples pty("echo: bare pty");
  bench::samples by_unix("echo: POST /execute_action, unix socket");
  bench::samples by_tcp("echo: POST /execute_action, TCP loopback");
  bench::samples session("echo: POST /session/run, unix socket");
  bench::samples engine_run("echo: engine, sandbox::run, by a future");
  bench::samples engine_inside("echo: engine, sandbox::run, in a coroutine");
  bench::samples engine_act("echo: engine, sandbox::execute_action");
  bench::samples spawned("/bin/true: bare posix_spawn");
  bench::samples agent_exec("/bin/true: POST /exec, unix socket");
  bench::samples engine_exec("/bin/true: engine, sandbox::exec");
  for (int i = 0; i < rounds; ++i) {
    pty.time([&] { expect(bare.command("echo hi") == "hi\r\n", "bare pty"); });
    by_unix.time([&] { expect_content(local.caller().post("/execute_action", action), "hi"); });
    by_tcp.time([&] { expect_content(remote.caller().post("/execute_action", action), "hi"); });
    session.time([&] {
      const auto answer = local.caller().post("/session/run", R"({"command":"echo hi"})");
      expect(answer.find(R"("output":"hi\n")") != std::string::npos, answer);
    });
    engine_run.time([&] {
      const auto answer = engine.run("echo hi");
      expect(answer.output == "hi\n" && answer.exit_code == 0, answer.output);
    });
    command_result answer;
    engine_inside.add(engine.timed_run("echo hi", answer));
    expect(answer.output == "hi\n" && answer.exit_code == 0, answer.output);
    engine_act.time([&] { expect_content(engine.act(action), "hi"); });
    spawned.time([] { run_bare("/bin/true"); });
    agent_exec.time([&] {
      const auto reply = local.caller().post("/exec", exec_call);
      expect(reply.find(R"("exit_code":0,)") != std::string::npos, reply);
    });
    engine_exec.time([&] { expect_success(engine.exec(program)); });
  }

  for (auto* one : {&pty, &by_unix, &by_tcp, &session, &engine_run, &engine_inside, &engine_act})
    one->print(pty);
  for (auto* one : {&spawned, &agent_exec, &engine_exec})
    one->print(pty);
  const auto p50 = [](bench::samples& of) { return of.percentile(0.5); };
  std::printf("the agent's echo is %.2f times a bare pty's; the engine adds %.1f us to it, "
              "%.1f us to an exec\n",
              p50(by_unix) / p50(pty), p50(engine_run) - p50(by_unix),
              p50(engine_exec) - p50(agent_exec));
  const bool ratio = keeps(p50(by_unix) <= most_times_the_bare_pty * p50(pty),
                           "the agent's echo takes at most 3 times a bare pty's");
  const bool added = keeps(p50(engine_run) - p50(by_unix) <= most_us_by_the_engine,
                           "the engine adds at most 100 us to an action");
  return ratio && added;
}

void check_answers(int count) {
  bench::agent_process agent(bench::transport_kind::unix_socket);
  for (int i = 0; i < count; ++i) {
    const auto number = std::to_string(i);
    expect_content(agent.caller().post("/execute_action", action_of("echo " + number)), number);
  }
  std::printf("%d actions over HTTP, each answered with its own output\n", count);
}

} // namespace

int main(int argc, char** argv) {
  const auto wanted = parse(argc, argv);
  try {
    if (wanted.answers > 0) {
      check_answers(wanted.answers);
      return 0;
    }
    bool kept = measure(wanted.rounds);
    for (int attempt = 1; wanted.check && !kept && attempt < check_attempts; ++attempt)
      kept = measure(wanted.rounds);
    return wanted.check && !kept ? 1 : 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "sandfleet-action-bench: %s\n", failure.what());
    return 1;
  }
}
