#include "runtime/protocol/agent_api.hpp"
#include "tests/integration/agent/agent_process.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sys/stat.h>

using namespace agent_test;
using namespace sandfleet;

namespace {

agent_process& shared() {
  static agent_process one;
  return one;
}

command_result run(const agent_process& agent, const command_request& request) {
  const auto got = agent.post("/session/run", protocol::encode_session_run(request));
  EXPECT_EQ(got.status, 200) << got.body;
  const auto outcome = protocol::decode_session_run_reply(got.body);
  EXPECT_TRUE(outcome) << got.body;
  return outcome ? *outcome : command_result{};
}

command_result run(const agent_process& agent, const std::string& command,
                   const std::string& session) {
  command_request request;
  request.command = command;
  request.session = session_name(session);
  return run(agent, request);
}

command_result run(const std::string& command, const std::string& session = "default") {
  return run(shared(), command, session);
}

} // namespace

TEST(agent_session, state_persists_and_sessions_are_apart) {
  EXPECT_EQ(run("X=1; cd /usr").exit_code, 0);
  EXPECT_EQ(run("echo $X; pwd").output, "1\n/usr\n");
  EXPECT_EQ(run("echo ${X-none}", "other").output, "none\n");
}

TEST(agent_session, variables_can_be_given_to_all_that_run_and_will) {
  agent_process agent;
  EXPECT_EQ(run(agent, "echo ${GREETING-none}", "old").output, "none\n");
  const auto set =
      agent.post("/environment", protocol::encode_environment({{"GREETING", "it's $HOME"}}));
  EXPECT_EQ(set.status, 200) << set.body;
  for (const char* session : {"old", "default", "new"})
    EXPECT_EQ(run(agent, "sh -c 'echo \"$GREETING\"'", session).output, "it's $HOME\n") << session;
  exec_request request;
  request.argv = {"/bin/sh", "-c", "echo \"$GREETING\""};
  EXPECT_EQ(protocol::decode_exec_reply(agent.post("/exec", protocol::encode_exec(request)).body)
                .value()
                .out,
            "it's $HOME\n");
  EXPECT_EQ(agent.post("/environment", R"({"env":{"A B":"x"}})").status, 422);
}

TEST(agent_session, key_is_in_no_environment) {
  EXPECT_EQ(run("echo ${SESSION_API_KEY-none}", "fresh").output, "none\n");
  const auto seen =
      run("tr '\\0' '\\n' < /proc/" + std::to_string(shared().pid()) + "/environ | grep -c secret",
          "fresh");
  EXPECT_EQ(seen.output, "0\n");
}

TEST(agent_session, time_out_kills_what_runs_and_says_so) {
  command_request request;
  request.command = "sleep 1000";
  request.session = session_name("slow");
  request.timeout = std::chrono::milliseconds(200);
  request.max_output_bytes = 1000;
  const auto late = run(shared(), request);
  EXPECT_TRUE(late.timed_out);
  EXPECT_EQ(late.exit_code, std::nullopt);
  const auto next = run("echo back", "slow");
  EXPECT_EQ(next.output, "back\n");
  EXPECT_TRUE(next.shell_restarted);
}

TEST(agent_session, run_action_has_the_references_shape) {
  const auto got = shared().run_action("echo hello");
  EXPECT_EQ(member(got.body, "message"), "Command `echo hello` executed with exit code 0.");
  EXPECT_EQ(member(got.body, "content"), "hello");
  EXPECT_EQ(member(got.body, "success"), "true");
}

TEST(agent_session, client_that_goes_away_takes_its_command_along) {
  agent_process agent;
  const auto pid_file = agent.workspace() + "/pid";
  ASSERT_EQ(::mkfifo(pid_file.c_str(), 0600), 0);
  pid_t child = 0;
  {
    auto one = agent.connect();
    const std::string body = R"({"command":"sh -c 'echo $$ > pid; exec sleep 1000'"})";
    one.send("POST /session/run HTTP/1.1\r\nHost: x\r\n" + agent.key_header() +
             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    std::ifstream(pid_file) >> child;
    ASSERT_FALSE(gone(child, std::chrono::milliseconds(0)));
  }
  EXPECT_TRUE(gone(child, std::chrono::seconds(20)));
  EXPECT_EQ(run(agent, "echo usable", "default").output, "usable\n");
}

TEST(agent_session, actions_are_run_in_the_order_of_their_arrival) {
  agent_process agent;
  auto first = agent.connect();
  auto second = agent.connect();
  const auto action = [](const std::string& command) {
    return R"({"action":{"action":"run","args":{"command":")" + command + R"("}}})";
  };
  const auto post = [&](connection& on, const std::string& body) {
    on.send("POST /execute_action HTTP/1.1\r\nHost: x\r\n" + agent.key_header() +
            "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  post(first, action("mkfifo order; read -r x < order; echo $x > result"));
  // The answer to this one comes after the first has begun to wait.
  while (run(agent, "test -p " + agent.workspace() + "/order", "watch").exit_code != 0) {
  }
  post(second,
       R"({"action":{"action":"read","args":{"path":")" + agent.workspace() + R"(/result"}}})");
  run(agent, "echo done > " + agent.workspace() + "/order", "watch");
  EXPECT_EQ(member(first.receive().body, "success"), "true");
  EXPECT_EQ(member(second.receive().body, "content"), "done\n");
}
