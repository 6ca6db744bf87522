#include "runtime/protocol/agent_api.hpp"

#include <gtest/gtest.h>

using namespace sandfleet;
using namespace sandfleet::protocol;
using namespace std::chrono_literals;

TEST(agent_api, session_run_request_round_trips) {
  command_request request;
  request.command = "echo \"ä\"\nexit 3";
  request.session = session_name("second");
  request.stdin_path = "/tmp/in";
  request.timeout = 1500ms;
  request.max_output_bytes = 77;
  const auto decoded = decode_session_run(encode_session_run(request));
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  EXPECT_EQ(decoded->command, request.command);
  EXPECT_EQ(decoded->session, request.session);
  EXPECT_EQ(decoded->stdin_path, request.stdin_path);
  EXPECT_EQ(decoded->timeout, request.timeout);
  EXPECT_EQ(decoded->max_output_bytes, request.max_output_bytes);
}

TEST(agent_api, session_run_needs_its_command_alone) {
  const auto decoded = decode_session_run(R"({"command":"ls"})");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->session.str(), "default");
  EXPECT_TRUE(decoded->stdin_path.empty());
  EXPECT_EQ(decoded->timeout, 120s);
  EXPECT_EQ(decoded->max_output_bytes, default_max_output_bytes);
}

TEST(agent_api, session_run_reply_round_trips) {
  command_result outcome;
  outcome.exit_code = 3;
  outcome.output = "a\tb";
  outcome.truncated = outcome.shell_restarted = true;
  outcome.seconds = std::chrono::duration<double>(0.25);
  const auto decoded = decode_session_run_reply(encode_session_run_reply(outcome));
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  EXPECT_EQ(decoded->exit_code, 3);
  EXPECT_EQ(decoded->output, "a\tb");
  EXPECT_TRUE(decoded->truncated);
  EXPECT_TRUE(decoded->shell_restarted);
  EXPECT_FALSE(decoded->shell_ended);
  EXPECT_DOUBLE_EQ(decoded->seconds.count(), 0.25);
}

TEST(agent_api, time_out_has_no_exit_code) {
  command_result outcome;
  outcome.timed_out = true;
  const auto text = encode_session_run_reply(outcome);
  EXPECT_TRUE(text.starts_with(R"({"exit_code":null,)"));
  EXPECT_TRUE(decode_session_run_reply(text)->timed_out);
}

TEST(agent_api, exec_request_round_trips_any_bytes_on_stdin) {
  exec_request request;
  request.argv = {"cat", "-", ""};
  request.cwd = "/x";
  request.env = {{"A", "1"}, {"B", ""}};
  request.clean_env = true;
  request.is_check = true;
  request.stdin_bytes = std::string("\xff\0a", 3);
  request.timeout = 1ms;
  const auto decoded = decode_exec(encode_exec(request));
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  EXPECT_EQ(decoded->encoding, output_encoding::base64);
  EXPECT_EQ(decoded->request.argv, request.argv);
  EXPECT_EQ(decoded->request.cwd, request.cwd);
  EXPECT_EQ(decoded->request.env, request.env);
  EXPECT_TRUE(decoded->request.clean_env);
  EXPECT_TRUE(decoded->request.is_check);
  EXPECT_EQ(decoded->request.stdin_bytes, request.stdin_bytes);
  EXPECT_EQ(decoded->request.timeout, 1ms);
}

TEST(agent_api, exec_command_is_run_by_sh) {
  const auto decoded = decode_exec(R"({"command":"echo $0"})");
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->request.argv, (std::vector<std::string>{"/bin/sh", "-c", "echo $0"}));
  EXPECT_EQ(decoded->encoding, output_encoding::text);
}

TEST(agent_api, exec_reply_round_trips_raw_bytes_in_base64) {
  exec_result outcome;
  outcome.signal = 9;
  outcome.out = std::string("\0\xfe", 2);
  outcome.err = "warn";
  outcome.err_truncated = true;
  const auto decoded = decode_exec_reply(encode_exec_reply(outcome, output_encoding::base64));
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  EXPECT_EQ(decoded->signal, 9);
  EXPECT_EQ(decoded->exit_code, std::nullopt);
  EXPECT_EQ(decoded->out, outcome.out);
  EXPECT_EQ(decoded->err, "warn");
  EXPECT_TRUE(decoded->err_truncated);
}

TEST(agent_api, exec_end_has_no_outputs) {
  exec_result outcome;
  outcome.exit_code = 0;
  outcome.out = "kept elsewhere";
  const auto text = encode_exec_end(outcome);
  EXPECT_EQ(text.find("\"stdout\""), std::string::npos);
  const auto decoded = decode_exec_reply(text);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->out.empty());
  EXPECT_EQ(decoded->exit_code, 0);
}

TEST(agent_api, glob_and_kill_round_trip) {
  EXPECT_EQ(*decode_glob(encode_glob("*.\"c\"")), "*.\"c\"");
  const std::vector<std::string> paths{"a", "b/c"};
  EXPECT_EQ(*decode_glob_reply(encode_glob_reply(paths)), paths);
  EXPECT_EQ(*decode_kill_reply(encode_kill_reply(7)), 7);
}

TEST(agent_api, an_environment_has_names_that_shells_take) {
  const std::map<std::string, std::string> variables = {{"A", "it's"}, {"_b2", ""}};
  EXPECT_EQ(*decode_environment(encode_environment(variables)), variables);
  for (const char* name : {"", "2A", "A-B", "A B", "A=B", "\u00e9", "A;id"}) {
    const auto refused = decode_environment(encode_environment({{name, "x"}}));
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, errc::invalid_argument);
  }
}

TEST(agent_api, wrong_requests_name_the_member) {
  const std::pair<const char*, const char*> cases[]{
      {R"({"argv":[]})", "argv"},
      {R"({"argv":["a",1]})", "argv"},
      {R"({"argv":["a"],"command":"b"})", "argv"},
      {R"({})", "argv"},
      {R"({"command":"a","timeout_s":0})", "timeout_s"},
      {R"({"command":"a","timeout_s":-1})", "timeout_s"},
      {R"({"command":"a","timeout_s":"1"})", "timeout_s"},
      {R"({"command":"a","timeout_s":1e300})", "timeout_s"},
      {R"({"command":"a","max_output_bytes":-1})", "max_output_bytes"},
      {R"({"command":"a","max_output_bytes":1.5})", "max_output_bytes"},
      {R"({"command":"a","env":{"A=B":"c"}})", "env"},
      {R"({"command":"a","env":{"A":1}})", "env"},
      {R"({"command":"a","stdin_base64":"?"})", "stdin_base64"},
      {R"({"command":"a","stdin":"b","stdin_base64":"YQ=="})", "stdin"},
      {R"({"command":"a","clean_env":1})", "clean_env"},
      {R"({"command":"a","output_encoding":"hex"})", "output_encoding"},
      {R"({"command":"a\u0000b"})", "command"},
  };
  for (const auto& [body, member] : cases) {
    const auto decoded = decode_exec(body);
    ASSERT_FALSE(decoded) << body;
    EXPECT_EQ(decoded.error().code, errc::invalid_argument);
    EXPECT_NE(decoded.error().message.find("'" + std::string(member) + "'"), std::string::npos)
        << decoded.error().message;
  }
}

TEST(agent_api, hostile_json_is_an_error_and_no_more) {
  const std::string deep = std::string(100'000, '[');
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("null"), std::string("[]"), deep,
        "{\"command\":" + deep, std::string("{\"command\":\"a\"} x"), std::string("\xff\xfe{}"),
        std::string("{\"command\":1e999999}")}) {
    EXPECT_FALSE(decode_session_run(body));
    EXPECT_FALSE(decode_exec(body));
    EXPECT_FALSE(decode_glob(body));
    const auto reply = decode_exec_reply(body);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, errc::protocol_error);
  }
}

TEST(agent_api, reply_without_an_outcome_is_a_protocol_error) {
  EXPECT_FALSE(decode_exec_reply(R"({"timed_out":false})"));
  EXPECT_FALSE(decode_session_run_reply(R"({"output":""})"));
  EXPECT_FALSE(decode_glob_reply("{}"));
  EXPECT_FALSE(decode_kill_reply(R"({"killed":-1})"));
}

TEST(agent_api, failures_keep_their_meaning_over_http) {
  for (const auto code : {errc::invalid_argument, errc::not_found, errc::permission_denied,
                          errc::limit_exceeded, errc::shutting_down}) {
    const int status = http_status_of(make_error(code, "x"));
    EXPECT_EQ(decode_failure(status, encode_detail("why"), "call").code, code);
  }
  const auto failure = decode_failure(422, encode_invalid_request("it's wrong"), "POST /exec");
  EXPECT_EQ(failure.message, "Invalid request parameters: it's wrong");
  EXPECT_EQ(decode_failure(500, "<html>", "call").cause, "<html>");
}
