#include "runtime/protocol/json_writer.hpp"
#include "tests/integration/agent/agent_process.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <string>
#include <sys/stat.h>
#include <vector>

using namespace agent_test;

namespace {

agent_process& shared() {
  static agent_process one;
  return one;
}

std::string run_body(const std::string& command, const std::string& session = {}) {
  sandfleet::protocol::json_writer out;
  out.begin_object().key("action").begin_object().member("action", "run");
  out.key("args").begin_object().member("command", command);
  if (!session.empty())
    out.member("session_id", session);
  out.end_object().end_object().end_object();
  return std::move(out).take();
}

answer act(const agent_process& agent, const std::string& body, const std::string& headers = {}) {
  return agent.connect().request("POST", "/execute_action", body, agent.key_header() + headers);
}

std::string content(const answer& got) {
  return member(got.body, "content");
}

/// A pipe by name in the agent's workspace; who opens one end waits for the other.
std::string make_pipe(const agent_process& agent, const std::string& name) {
  const auto path = agent.workspace() + "/" + name;
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  return path;
}

/// Tells a command that reads the pipe to go on; returns when it does.
void release(const std::string& pipe) {
  std::ofstream(pipe) << "go\n";
}

/// Sends an action and leaves when the command has begun.
void leave_in_mid_action(const agent_process& agent, const std::string& body,
                         const std::string& begun, const std::string& headers = {}) {
  auto gone = agent.connect();
  gone.send("POST /execute_action HTTP/1.1\r\nHost: x\r\n" + agent.key_header() + headers +
            "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  std::ifstream(begun).get();
}

struct event {
  std::string name;
  std::string data;
};

std::vector<event> events_of(const std::string& text) {
  std::vector<event> all;
  for (std::size_t at = 0; at < text.size();) {
    const auto name_end = text.find('\n', at);
    const auto end = text.find("\n\n", at);
    if (end == std::string::npos)
      break;
    all.push_back(
        {text.substr(at + 7, name_end - at - 7), text.substr(name_end + 7, end - name_end - 7)});
    at = end + 2;
  }
  return all;
}

std::string printed(const std::vector<event>& events) {
  std::string all;
  for (const auto& one : events)
    if (one.name == "output")
      all += member(one.data, "content");
  return all;
}

constexpr auto streamed = "Accept: text/event-stream\r\n";

std::string keyed(const std::string& key) {
  return "X-Idempotency-Key: " + key + "\r\n";
}

} // namespace

TEST(action_sessions, have_a_shell_each) {
  EXPECT_EQ(content(act(shared(), run_body("A=1; cd /usr", "one"))), "");
  EXPECT_EQ(content(act(shared(), run_body("echo $A; pwd", "one"))), "1\n/usr");
  EXPECT_EQ(content(act(shared(), run_body("echo ${A-none}", "two"))), "none");
  EXPECT_EQ(content(act(shared(), run_body("echo ${A-none}"))), "none");
}

TEST(action_sessions, run_side_by_side_and_files_follow_their_directory) {
  agent_process agent;
  const auto pipe = make_pipe(agent, "pipe");
  auto waits = std::async(std::launch::async, [&] {
    return content(act(agent, run_body("read x < " + pipe + "; echo $x", "slow")));
  });
  EXPECT_EQ(content(act(agent, run_body("mkdir d; cd d; echo inside > f", "quick"))), "");
  const auto read = act(agent, R"({"action": {"action": "read", "args": {"path": "f",
                                  "session_id": "quick"}}})");
  EXPECT_EQ(content(read), "inside\n");
  release(pipe);
  EXPECT_EQ(waits.get(), "go");
}

TEST(action_sessions, names_are_checked) {
  for (const auto* args :
       {R"({"command": "true", "session_id": ""})", R"({"command": "true", "session_id": 1})"}) {
    const auto got =
        act(shared(), std::string(R"({"action": {"action": "run", "args": )") + args + "}}");
    EXPECT_EQ(got.status, 500);
    EXPECT_NE(got.body.find("session_id"), std::string::npos) << got.body;
  }
}

TEST(action_clients, one_that_leaves_does_not_leave_its_answer_to_the_next) {
  agent_process agent;
  const auto begun = make_pipe(agent, "begun");
  const auto pipe = make_pipe(agent, "pipe");
  leave_in_mid_action(agent, run_body("echo > begun; read x < pipe; echo first"), begun);
  auto next =
      std::async(std::launch::async, [&] { return content(act(agent, run_body("echo second"))); });
  release(pipe);
  EXPECT_EQ(next.get(), "second");
}

TEST(action_keys, the_same_key_answers_the_same_and_does_not_run_twice) {
  agent_process agent;
  const auto body = run_body("echo x >> count; wc -l < count");
  const auto first = act(agent, body, keyed("a"));
  EXPECT_EQ(content(first), "1");
  EXPECT_EQ(act(agent, body, keyed("a")).body, first.body);
  EXPECT_EQ(content(act(agent, body, keyed("b"))), "2");
  EXPECT_EQ(content(act(agent, body)), "3");
}

TEST(action_keys, an_answer_outlives_the_connection) {
  agent_process agent;
  const auto begun = make_pipe(agent, "begun");
  const auto pipe = make_pipe(agent, "pipe");
  const auto body = run_body("echo x >> count; echo > begun; read x < pipe; wc -l < count");
  leave_in_mid_action(agent, body, begun, keyed("lost"));
  auto again =
      std::async(std::launch::async, [&] { return content(act(agent, body, keyed("lost"))); });
  release(pipe);
  EXPECT_EQ(again.get(), "1");
  EXPECT_EQ(content(act(agent, body, keyed("lost"))), "1");
}

TEST(action_keys, another_action_or_a_long_key_is_refused) {
  EXPECT_EQ(act(shared(), run_body("true"), keyed("used")).status, 200);
  const auto other = act(shared(), run_body("false"), keyed("used"));
  EXPECT_EQ(other.status, 422);
  EXPECT_NE(other.body.find("used for another action"), std::string::npos);
  EXPECT_EQ(act(shared(), run_body("true"), keyed(std::string(256, 'k'))).status, 422);
}

TEST(action_stream, output_comes_while_it_is_printed_and_the_observation_last) {
  agent_process agent;
  const auto pipe = make_pipe(agent, "pipe");
  auto stream = agent.connect();
  const auto body = run_body("echo early; read x < pipe; printf 'late \\303'; printf '\\244\\n'");
  stream.send("POST /execute_action HTTP/1.1\r\nHost: x\r\n" + agent.key_header() + streamed +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  std::string so_far;
  while (so_far.find("early") == std::string::npos) {
    const auto piece = stream.receive_some();
    ASSERT_FALSE(piece.empty());
    so_far += piece;
  }
  EXPECT_EQ(so_far.find("observation"), std::string::npos);
  release(pipe);
  while (so_far.find("0\r\n\r\n") == std::string::npos) {
    const auto piece = stream.receive_some();
    ASSERT_FALSE(piece.empty());
    so_far += piece;
  }
  EXPECT_NE(so_far.find("event: observation\ndata: {"), std::string::npos) << so_far;
  EXPECT_NE(so_far.find("late \xc3\xa4"), std::string::npos) << so_far;
  EXPECT_EQ(so_far.find("\xef\xbf\xbd"), std::string::npos) << so_far;
}

TEST(action_stream, holds_all_that_is_printed) {
  const auto got = act(shared(), run_body("seq 2000", "stream"), streamed);
  EXPECT_EQ(got.headers.at("content-type"), "text/event-stream");
  const auto events = events_of(got.body);
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(events.back().name, "observation");
  std::string expected;
  for (int i = 1; i <= 2000; ++i)
    expected += std::to_string(i) + "\r\n";
  EXPECT_EQ(printed(events), expected);
  EXPECT_EQ(member(events.back().data, "observation"), "run");
}

TEST(action_edit, is_linted_where_that_is_switched_on) {
  agent_process::how linted;
  linted.env["ENABLE_AUTO_LINT"] = "true";
  agent_process agent(linted);
  const auto edit = [&](const std::string& args) {
    return content(act(agent, R"({"action": {"action": "edit", "args": {"path": ")" +
                                  agent.workspace() + "/f.py\", " + args + "}}}"));
  };
  EXPECT_EQ(edit(R"("command": "create", "file_text": "a = 1\n")").find("Linting"),
            std::string::npos);
  const auto seen = edit(R"("command": "insert", "insert_line": 1, "new_str": "b = (")");
  if (act(agent, run_body("command -v python3")).body.find("python3\"") == std::string::npos)
    GTEST_SKIP() << "there is no python3";
  EXPECT_NE(seen.find("cat -n"), std::string::npos);
  EXPECT_NE(seen.find("\n\nLinting issues found in the changes:\n- Line 2, Column "),
            std::string::npos)
      << seen;
  EXPECT_NE(seen.find("\n\nReview the changes"), std::string::npos) << seen;
}

TEST(action_edit, without_a_linter_is_an_edit_all_the_same) {
  agent_process::how linted;
  linted.env["ENABLE_AUTO_LINT"] = "1";
  linted.env["PATH"] = "/nowhere";
  agent_process agent(linted);
  const auto path = agent.workspace() + "/f.py";
  std::ofstream(path) << "a = 1\n";
  const auto seen =
      content(act(agent, R"({"action": {"action": "edit", "args": {"path": ")" + path +
                             R"(", "command": "str_replace", "old_str": "1", "new_str": "("}}})"));
  EXPECT_NE(seen.find("has been edited"), std::string::npos);
  EXPECT_EQ(seen.find("inting"), std::string::npos) << seen;
}

TEST(action_cancel, interrupts_what_runs) {
  agent_process agent;
  const auto begun = make_pipe(agent, "begun");
  make_pipe(agent, "never");
  auto waits = std::async(std::launch::async, [&] {
    return act(agent, run_body("exec 3<>never; echo > begun; read -u 3 x", "long"));
  });
  std::ifstream(begun).get();
  EXPECT_EQ(agent.post("/cancel", R"({"session_id": "long"})").body, R"({"cancelled":true})");
  EXPECT_NE(waits.get().body.find("\"exit_code\":130"), std::string::npos);
  EXPECT_EQ(agent.post("/cancel", R"({"session_id": "long"})").body, R"({"cancelled":false})");
  EXPECT_EQ(agent.post("/cancel", R"({"session_id": "none"})").body, R"({"cancelled":false})");
  EXPECT_EQ(agent.post("/cancel", "[]").status, 422);
}

TEST(action_cancel, by_force_ends_what_ignores_the_interruption) {
  agent_process agent;
  const auto begun = make_pipe(agent, "begun");
  make_pipe(agent, "never");
  auto waits = std::async(std::launch::async, [&] {
    return act(agent, run_body("(trap '' INT; exec 3<>never; echo > begun; read -u 3 x)"));
  });
  std::ifstream(begun).get();
  EXPECT_EQ(agent.post("/cancel", R"({"force": true})").body, R"({"cancelled":true})");
  EXPECT_NE(waits.get().body.find("The shell has ended"), std::string::npos);
  EXPECT_EQ(content(act(agent, run_body("echo on"))), "on");
}
