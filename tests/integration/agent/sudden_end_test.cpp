#include "tests/integration/agent/agent_process.hpp"
#include "tests/support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

using namespace agent_test;

namespace {

constexpr int sessions = 16;

/// How an agent ends.
struct way {
  const char* name;
  std::function<void(agent_process&)> end;
  int exit_code;
};

std::ostream& operator<<(std::ostream& out, const way& one) {
  return out << one.name;
}

std::function<void(agent_process&)> by_signal(int number) {
  return [number](agent_process& agent) { agent.signal(number); };
}

std::function<void(agent_process&)> by_signal_to_server(int number) {
  return [number](agent_process& agent) { ::kill(agent.server_pid(), number); };
}

class agent_sudden_end : public testing::TestWithParam<way> {};

/// What each session runs: a command in the foreground, a job, what ignores its terminal's end, a
/// daemon, one with nothing of the agent's environment, and half of a long line.
std::string command(const std::string& begun) {
  return "sleep 1000 & nohup sleep 1000 > /dev/null 2>&1 & (setsid sleep 1000 &) ;"
         "(env -i setsid sh -c 'trap \"\" HUP TERM INT; while :; do sleep 1000; done' &) ;"
         "(trap '' HUP TERM INT; printf half; echo > " +
         begun + "; while :; do sleep 1000; done)";
}

std::string posted(const agent_process& agent, const std::string& target, const std::string& body,
                   std::size_t length) {
  return "POST " + target + " HTTP/1.1\r\nHost: x\r\n" + agent.key_header() +
         "Content-Length: " + std::to_string(length) + "\r\n\r\n" + body;
}

/// Processes below a directory: they are of a sandbox that clears their environment.
std::vector<pid_t> processes_in(const std::string& directory) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::error_code failure;
    const auto cwd = std::filesystem::read_symlink(entry.path() / "cwd", failure);
    if (!failure && cwd == directory)
      found.push_back(std::stoi(entry.path().filename().string()));
  }
  return found;
}

bool all_gone(const std::vector<pid_t>& processes) {
  bool all = true;
  for (const auto pid : processes)
    all = gone(pid, std::chrono::seconds(20)) && all;
  return all;
}

} // namespace

TEST_P(agent_sudden_end, leaves_no_process_and_no_file) {
  agent_process::how how;
  how.env["SANDBOX_TEST"] = "sudden" + std::to_string(::getpid());
  agent_process agent(how);
  std::vector<connection> clients;
  for (int i = 0; i < sessions; ++i) {
    const auto begun = agent.workspace() + "/begun" + std::to_string(i);
    ASSERT_EQ(::mkfifo(begun.c_str(), 0600), 0);
    std::string escaped;
    for (const char c : command(begun))
      escaped += c == '"' ? "\\\"" : std::string(1, c);
    const auto body = R"({"action":{"action":"run","args":{"command":")" + escaped +
                      R"(","session_id":"s)" + std::to_string(i) + R"("}}})";
    clients.push_back(agent.connect());
    clients.back().send(posted(agent, "/execute_action", body, body.size()));
    std::ifstream(begun).get();
    std::filesystem::remove(begun);
  }
  // An upload of which half has come.
  auto upload = agent.connect();
  upload.send("PUT /file?path=half HTTP/1.1\r\nHost: x\r\n" + agent.key_header() +
              "Content-Length: 2000000\r\n\r\n" + std::string(1'000'000, 'x'));
  EXPECT_EQ(agent.get("/alive").status, 200);
  const auto processes = processes_in(agent.workspace());
  EXPECT_GE(processes.size(), 6U * sessions);

  GetParam().end(agent);
  const auto ended_with = agent.wait();
  // A sanitizer takes a crash for its own affair.
  if (!sandfleet::tests::is_sanitized || GetParam().exit_code != 128 + SIGSEGV) {
    EXPECT_EQ(ended_with, GetParam().exit_code);
  }
  // The guardian itself may be what was killed: then the other half ends by itself.
  EXPECT_TRUE(all_gone(processes));
  EXPECT_TRUE(all_gone(processes_in(agent.workspace())));
  EXPECT_TRUE(all_gone(processes_marked(how.env.at("SANDBOX_TEST"))));
  EXPECT_TRUE(std::filesystem::is_empty(agent.workspace()));
  EXPECT_FALSE(std::filesystem::exists(agent.socket_path()));
}

INSTANTIATE_TEST_SUITE_P(
    ways, agent_sudden_end,
    testing::Values(way{"terminated", by_signal(SIGTERM), 0},
                    way{"interrupted", by_signal(SIGINT), 0},
                    way{"killed", by_signal(SIGKILL), 128 + SIGKILL},
                    way{"server_killed", by_signal_to_server(SIGKILL), 128 + SIGKILL},
                    way{"server_crashed", by_signal_to_server(SIGSEGV), 128 + SIGSEGV},
                    way{"hung_up", by_signal(SIGHUP), 128 + SIGHUP},
                    way{"lifeline", [](agent_process& agent) { agent.end_lifeline(); }, 0}),
    [](const auto& one) { return std::string(one.param.name); });
