#include "runtime/protocol/agent_api.hpp"
#include "tests/integration/agent/agent_process.hpp"
#include "tests/support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <unistd.h>

using namespace agent_test;
using namespace sandfleet;

namespace {

agent_process::how marked(const std::string& mark) {
  agent_process::how how;
  how.env["SANDBOX_TEST"] = mark + std::to_string(::getpid());
  return how;
}

/// A daemon, a job of the session and one more below another parent.
void start_several(agent_process& agent) {
  agent.post("/session/run", R"j({"command":"sleep 1000 & (setsid sleep 1000 &)"})j");
  agent.post("/exec", R"j({"command":"(setsid sleep 1000 > /dev/null 2>&1 &)"})j");
}

} // namespace

TEST(agent_lifetime, sigterm_ends_it_and_leaves_no_process) {
  const auto how = marked("term");
  agent_process agent(how);
  start_several(agent);
  EXPECT_GE(processes_marked(how.env.at("SANDBOX_TEST")).size(), 5U);
  agent.signal(SIGTERM);
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_TRUE(processes_marked(how.env.at("SANDBOX_TEST")).empty());
  EXPECT_NE(::access(agent.socket_path().c_str(), F_OK), 0);
}

TEST(agent_lifetime, sigterm_lets_a_request_under_way_finish) {
  agent_process agent;
  auto one = agent.connect();
  const std::string body = R"({"command":"echo begun; sleep 0.3; echo finished"})";
  one.send("POST /exec HTTP/1.1\r\nHost: x\r\nAccept: application/vnd.sandfleet.stream\r\n" +
           agent.key_header() + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body);
  std::string seen;
  while (seen.find("begun") == std::string::npos)
    seen += one.receive_some();
  agent.signal(SIGTERM);
  for (auto piece = one.receive_some(); !piece.empty(); piece = one.receive_some())
    seen += piece;
  EXPECT_NE(seen.find("finished"), std::string::npos);
  EXPECT_TRUE(seen.ends_with("0\r\n\r\n"));
  EXPECT_EQ(agent.wait(), 0);
}

TEST(agent_lifetime, end_of_the_lifeline_ends_all) {
  const auto how = marked("line");
  agent_process agent(how);
  start_several(agent);
  agent.end_lifeline();
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_TRUE(processes_marked(how.env.at("SANDBOX_TEST")).empty());
}

TEST(agent_lifetime, kill_takes_every_process_and_the_session_goes_on) {
  const auto how = marked("kill");
  agent_process agent(how);
  start_several(agent);
  const auto killed = agent.post("/processes/kill", "");
  EXPECT_EQ(killed.status, 200);
  EXPECT_GE(*protocol::decode_kill_reply(killed.body), 4);
  EXPECT_EQ(processes_marked(how.env.at("SANDBOX_TEST")),
            (std::vector<pid_t>{agent.pid(), agent.server_pid()}));
  const auto next = agent.post("/session/run", R"({"command":"echo again"})");
  EXPECT_EQ(protocol::decode_session_run_reply(next.body)->output, "again\n");
}

TEST(agent_lifetime, orphans_that_end_are_taken) {
  agent_process agent;
  const auto done =
      agent.post("/exec", R"({"command":"(setsid sh -c 'echo $$; exec sleep 0.2' &); sleep 0.1"})");
  const auto orphan = std::stoi(member(done.body, "stdout"));
  ASSERT_TRUE(gone(orphan, std::chrono::seconds(10)));
  // Dead; taken when the agent's turn comes, which further requests give it.
  const auto status = "/proc/" + std::to_string(orphan);
  while (::access(status.c_str(), F_OK) == 0)
    EXPECT_EQ(agent.get("/alive").status, 200);
}

TEST(agent_lifetime, memory_at_rest_is_small_also_after_big_requests) {
  if (tests::is_sanitized)
    GTEST_SKIP() << "a sanitizer's own memory is not small";
  agent_process agent;
  agent.post("/exec", R"({"command":"head -c 20000000 /dev/zero","max_output_bytes":20000000})");
  agent.connect().request("PUT", "/file?path=x", std::string(30'000'000, 'x'), agent.key_header());
  std::ifstream status("/proc/" + std::to_string(agent.server_pid()) + "/status");
  std::string line;
  while (std::getline(status, line) && !line.starts_with("VmRSS:")) {
  }
  EXPECT_LT(std::stoi(line.substr(6)), 5 * 1024) << line;
}

TEST(agent_lifetime, bad_command_lines_are_refused) {
  agent_process::how wrong;
  wrong.arguments = {"--fly"};
  EXPECT_THROW(agent_process agent(wrong), std::runtime_error);
}
