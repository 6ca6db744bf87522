// What one action costs on each step of its way, from a bare shell to the engine's public API, all
// measured in turn in one run, so that the load of the machine falls on all alike.

#include "bench/action/agent_process.hpp"
#include "bench/action/answers.hpp"
#include "bench/action/engine_sandbox.hpp"
#include "bench/support/bare_shell.hpp"
#include "bench/support/idle_share.hpp"
#include "bench/support/samples.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <vector>

namespace {

using namespace sandfleet;

/// What is promised (bench/SPECIFICATION.md).
constexpr double most_times_the_bare_pty = 3;
constexpr double most_us_by_the_engine = 100;
constexpr int check_attempts = 3;

/// On a busy machine all that an action wakes takes turns on one processor, which shortens a bare
/// round trip more than any other.
constexpr double least_idle_share = 0.1;
constexpr int skipped_status = 77;

constexpr const char* usage =
    "usage: sandfleet-action-bench [--rounds N] [--check] [--answers N [--sessions S]]\n"
    "  --rounds N   measure N actions of each kind, in turn (default 2000)\n"
    "  --check      measure up to three times, until the p50 keep the promises of\n"
    "               bench/SPECIFICATION.md; exit status 1 when they never do, 77 when that was on\n"
    "               a machine without an idle processor, to which the promises do not apply\n"
    "  --answers N  measure nothing: have the agent run N commands that each print their own\n"
    "               number, and other actions among them; any wrong answer is an error\n"
    "  --sessions S in S sessions at once (default 1, at most 255)\n";

struct options {
  int rounds = 2000;
  int answers = 0;
  int sessions = 1;
  bool check = false;
};

options parse(int argc, char** argv) {
  options out;
  for (int i = 1; i < argc; ++i) {
    int* number = std::strcmp(argv[i], "--rounds") == 0     ? &out.rounds
                  : std::strcmp(argv[i], "--answers") == 0  ? &out.answers
                  : std::strcmp(argv[i], "--sessions") == 0 ? &out.sessions
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

void expect_hi(const command_result& answer) {
  expect(answer.exit_code == 0 && answer.output == "hi\n", answer.output);
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

enum class verdict { kept, broken, not_applicable };

bool keeps(bool kept, const char* promise) {
  if (!kept)
    std::fprintf(stderr, "sandfleet-action-bench: broken: %s\n", promise);
  return kept;
}

/// One way to have the same thing done.
struct kind {
  bench::samples taken;
  std::function<void()> once;
};

/// Each kind once a round, in an order that changes from round to round: what ran before leaves its
/// code and data in the caches, and none is to have that luck more often than another.
void interleave(std::vector<kind>& kinds, int rounds) {
  std::vector<kind*> order;
  for (auto& one : kinds)
    order.push_back(&one);
  std::mt19937 shuffling(1); // NOLINT: the same order in each run
  for (int i = 0; i < rounds; ++i) {
    std::ranges::shuffle(order, shuffling);
    for (auto* one : order)
      one->taken.time(one->once);
  }
}

verdict measure(int rounds) {
  const bench::scratch_directory directory;
  bench::bare_shell bare(directory.path());
  bench::agent_process local(bench::transport_kind::unix_socket);
  bench::agent_process remote(bench::transport_kind::tcp_loopback);
  bench::engine_sandbox engine;
  const auto action = action_of("echo hi");
  exec_request program;
  program.argv = {"/bin/true"};

  std::vector<kind> echo{
      {bench::samples("echo: bare pty"),
       [&] { expect(bare.command("echo hi") == "hi\r\n", "bare pty"); }},
      {bench::samples("echo: POST /execute_action, unix socket"),
       [&] { expect_content(local.caller().post("/execute_action", action), "hi"); }},
      {bench::samples("echo: POST /execute_action, TCP loopback"),
       [&] { expect_content(remote.caller().post("/execute_action", action), "hi"); }},
      {bench::samples("echo: POST /session/run, unix socket"),
       [&] {
         const auto answer = local.caller().post("/session/run", R"({"command":"echo hi"})");
         expect(answer.find(R"("output":"hi\n")") != std::string::npos, answer);
       }},
      {bench::samples("echo: engine, sandbox::run, by a future"),
       [&] { expect_hi(engine.run("echo hi")); }},
      {bench::samples("echo: engine, sandbox::execute_action, same"),
       [&] { expect_content(engine.act(action), "hi"); }},
      {bench::samples("there and back to the engine's thread"), [&] { engine.visit(); }},
  };
  std::vector<kind> exec{
      {bench::samples("/bin/true: bare posix_spawn"), [] { run_bare("/bin/true"); }},
      {bench::samples("/bin/true: POST /exec, unix socket"),
       [&] {
         const auto answer = local.caller().post("/exec", R"({"argv":["/bin/true"]})");
         expect(answer.find(R"("exit_code":0,)") != std::string::npos, answer);
       }},
      {bench::samples("/bin/true: engine, sandbox::exec, by a future"),
       [&] { expect_success(engine.exec(program)); }},
  };
  const bench::idle_share idle;
  interleave(echo, rounds);
  interleave(exec, rounds);
  const auto idle_time = idle.so_far();

  auto& pty = echo[0].taken;
  for (auto* group : {&echo, &exec})
    for (auto& one : *group)
      one.taken.print(pty);
  const auto p50 = [](kind& of) { return of.taken.percentile(0.5); };
  const auto times = p50(echo[1]) / p50(echo[0]);
  const auto added = p50(echo[4]) - p50(echo[1]);
  std::printf("the agent's echo is %.2f times a bare pty's; the engine adds %.1f us to it, "
              "%.1f us to an exec; the processors were idle for %.0f %% of the time\n",
              times, added, p50(exec[2]) - p50(exec[1]), 100 * idle_time);
  const bool ratio = keeps(times <= most_times_the_bare_pty,
                           "the agent's echo takes at most 3 times a bare pty's");
  const bool sum =
      keeps(added <= most_us_by_the_engine, "the engine adds at most 100 us to an action");
  return ratio && sum                    ? verdict::kept
         : idle_time >= least_idle_share ? verdict::broken
                                         : verdict::not_applicable;
}

int check_promises(int rounds) {
  bool applied = false;
  for (int attempt = 1; attempt <= check_attempts; ++attempt) {
    const auto found = measure(rounds);
    if (found == verdict::kept)
      return 0;
    applied = applied || found == verdict::broken;
  }
  if (applied)
    return 1;
  std::fputs("sandfleet-action-bench: no processor was idle, so nothing is said of the promises\n",
             stderr);
  return skipped_status;
}

} // namespace

int main(int argc, char** argv) {
  const auto wanted = parse(argc, argv);
  try {
    if (wanted.answers > 0) {
      bench::check_answers(wanted.answers, wanted.sessions);
      return 0;
    }
    if (!wanted.check) {
      measure(wanted.rounds);
      return 0;
    }
    return check_promises(wanted.rounds);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "sandfleet-action-bench: %s\n", failure.what());
    return 1;
  }
}
