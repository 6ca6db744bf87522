#include "tests/integration/agent/agent_process.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>

using namespace agent_test;

namespace {
agent_process& shared() {
  static agent_process one;
  return one;
}
} // namespace

TEST(agent_http, alive_and_server_info_need_no_key) {
  auto plain = shared().connect();
  EXPECT_EQ(plain.request("GET", "/alive").body, R"({"status":"ok"})");
  const auto info = plain.request("GET", "/server_info");
  EXPECT_EQ(info.status, 200);
  for (const auto* name : {"uptime", "idle_time", "cpu_percent", "rss", "vms", "total", "used",
                           "free", "read_bytes", "write_bytes"})
    EXPECT_NE(info.body.find("\"" + std::string(name) + "\":"), std::string::npos) << name;
}

TEST(agent_http, wrong_key_is_refused_everywhere_else) {
  auto plain = shared().connect();
  for (const auto* header : {"", "X-Session-API-Key: wrong!\r\n", "X-Session-API-Key: secre\r\n",
                             "X-Session-API-Key: secrets\r\n"}) {
    const auto refused = plain.request("POST", "/exec", R"({"command":"true"})", header);
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.body, R"({"detail":"Invalid API Key"})");
  }
  EXPECT_EQ(plain.request("GET", "/nowhere").status, 403);
}

TEST(agent_http, body_that_follows_its_refusal_leaves_the_connection_open) {
  auto plain = shared().connect();
  plain.send("POST /exec HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n");
  const auto refused = plain.receive();
  EXPECT_EQ(refused.status, 403);
  EXPECT_FALSE(refused.headers.contains("connection"));
  plain.send(R"({"command":"true"})");
  EXPECT_EQ(plain.request("GET", "/alive").status, 200);
}

TEST(agent_http, unknown_paths_and_methods_are_told_apart) {
  EXPECT_EQ(shared().get("/nowhere").body, R"({"detail":"Not Found"})");
  const auto wrong = shared().get("/glob");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.body, R"({"detail":"Method Not Allowed"})");
}

TEST(agent_http, a_slash_too_many_or_too_few_is_redirected) {
  const auto there = shared().get("/alive/");
  EXPECT_EQ(there.status, 307);
  EXPECT_EQ(there.headers.at("location"), "http://x/alive");
  EXPECT_EQ(there.body, "");
  EXPECT_EQ(shared().post("/execute_action/", "{}").status, 307);
  EXPECT_EQ(shared().get("/nowhere/").status, 404);
}

TEST(agent_http, mcp_servers_are_taken_note_of) {
  EXPECT_EQ(shared().post("/update_mcp_server", "[]").body,
            R"({"detail":"MCP server updated successfully","router_error_log":""})");
  EXPECT_EQ(shared().post("/update_mcp_server", R"([{"name":"a","command":"b"}])").body,
            R"({"detail":"MCP server updated successfully",)"
            R"("router_error_log":"MCP servers cannot be run here"})");
  EXPECT_EQ(shared().post("/update_mcp_server", "{}").status, 400);
  EXPECT_EQ(shared().post("/update_mcp_server", "[").status, 500);
  EXPECT_EQ(shared().post("/update_mcp_server", "[{}]").status, 500);
}

TEST(agent_http, connection_is_kept_after_errors) {
  auto kept = shared().connect();
  EXPECT_EQ(kept.request("POST", "/exec", "{", shared().key_header()).status, 422);
  EXPECT_EQ(kept.request("POST", "/execute_action", "{", shared().key_header()).status, 422);
  EXPECT_EQ(kept.request("POST", "/glob", "{}", shared().key_header()).status, 422);
  EXPECT_EQ(kept.request("GET", "/nowhere", "", shared().key_header()).status, 404);
  EXPECT_EQ(kept.request("GET", "/alive").status, 200);
}

TEST(agent_http, pipelined_requests_are_answered_in_order) {
  auto one = shared().connect();
  one.send("GET /alive HTTP/1.1\r\nHost: x\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: x\r\n" +
           shared().key_header() + "\r\n");
  EXPECT_EQ(one.receive().status, 200);
  EXPECT_EQ(one.receive().status, 404);
}

TEST(agent_http, request_that_comes_byte_by_byte_is_understood) {
  auto slow = shared().connect();
  const std::string body = R"({"pattern":"*"})";
  for (const char byte : "POST /glob HTTP/1.1\r\nHost: x\r\n" + shared().key_header() +
                             "Transfer-Encoding: chunked\r\n\r\n5\r\n" + body.substr(0, 5) +
                             "\r\na\r\n" + body.substr(5) + "\r\n0\r\n\r\n")
    slow.send({&byte, 1});
  EXPECT_EQ(slow.receive().status, 200);
}

TEST(agent_http, expected_continue_is_sent) {
  auto waits = shared().connect();
  waits.send("POST /glob HTTP/1.1\r\nHost: x\r\n" + shared().key_header() +
             "Expect: 100-continue\r\nContent-Length: 15\r\n\r\n");
  EXPECT_EQ(waits.receive_some(), "HTTP/1.1 100 Continue\r\n\r\n");
  waits.send(R"({"pattern":"*"})");
  EXPECT_EQ(waits.receive().status, 200);
}

TEST(agent_http, what_is_no_http_is_answered_400_and_closed) {
  auto one = shared().connect();
  one.send("hello there\r\n\r\n");
  EXPECT_EQ(one.receive().status, 400);
  EXPECT_EQ(one.receive_some(), "");
}

TEST(agent_http, long_head_is_answered_431) {
  auto one = shared().connect();
  one.send("GET /alive HTTP/1.1\r\nX-Long: " + std::string(40'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(one.receive().status, 431);
}

TEST(agent_http, body_beyond_the_limit_is_answered_413_before_it_is_sent) {
  auto one = shared().connect();
  one.send("POST /exec HTTP/1.1\r\nHost: x\r\n" + shared().key_header() +
           "Content-Length: 999999999999\r\n\r\n");
  EXPECT_EQ(one.receive().status, 413);
}

TEST(agent_http, refused_upload_gets_its_answer_although_it_goes_on_sending) {
  auto one = shared().connect();
  one.send("PUT /file?path=x HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n");
  one.send(std::string(4'000'000, 'x'));
  EXPECT_EQ(one.receive().status, 403);
}

TEST(agent_http, http_1_0_is_closed_after_the_answer) {
  auto one = shared().connect();
  one.send("GET /alive HTTP/1.0\r\n\r\n");
  EXPECT_EQ(one.receive().status, 200);
  EXPECT_EQ(one.receive_some(), "");
}

TEST(agent_http, without_a_key_everybody_is_let_in) {
  agent_process::how open;
  open.key = "";
  agent_process agent(open);
  EXPECT_EQ(agent.connect().request("POST", "/glob", R"({"pattern":"*"})").status, 200);
}
