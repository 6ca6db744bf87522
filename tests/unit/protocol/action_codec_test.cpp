#include "runtime/protocol/action_codec.hpp"

#include <gtest/gtest.h>

using namespace sandfleet::protocol;

namespace {

tl::expected<action, action_refusal> decode(const std::string& inner) {
  return decode_action("{\"action\":" + inner + "}");
}

void expect_refusal(const std::string& body, int status, const std::string& text) {
  const auto decoded = decode_action(body);
  ASSERT_FALSE(decoded) << body;
  EXPECT_EQ(decoded.error().status, status);
  EXPECT_NE(decoded.error().body.find(text), std::string::npos) << decoded.error().body;
}

} // namespace

TEST(action_codec, run_is_read_with_its_time_out_beside_args) {
  const auto decoded = decode(
      R"({"action":"run","args":{"command":"ls","blocking":true,"hidden":1,"cwd":"/w",)"
      R"("thought":"t","confirmation_state":"confirmed","security_risk":-1},"timeout":2.5})");
  ASSERT_TRUE(decoded) << decoded.error().body;
  const auto& run = std::get<run_action>(*decoded);
  EXPECT_EQ(run.command, "ls");
  EXPECT_TRUE(run.blocking);
  EXPECT_TRUE(run.hidden);
  EXPECT_FALSE(run.is_input);
  EXPECT_EQ(run.cwd, "/w");
  EXPECT_EQ(run.timeout, 2.5);
}

TEST(action_codec, file_actions_are_read) {
  const auto read = decode(
      R"({"action":"read","args":{"path":"/a","start":2,"impl_source":"oh_aci","view_range":[1,-1]}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<read_action>(*read).view_range, (std::vector<std::int64_t>{1, -1}));
  EXPECT_EQ(std::get<read_action>(*read).start, 2);
  const auto write = decode(R"({"action":"write","args":{"path":"/a","content":"c","end":4}})");
  ASSERT_TRUE(write);
  EXPECT_EQ(std::get<write_action>(*write).end, 4);
  const auto edit = decode(
      R"({"action":"edit","args":{"path":"/a","command":"insert","new_str":"n","insert_line":" 3 "}})");
  ASSERT_TRUE(edit);
  EXPECT_EQ(std::get<edit_action>(*edit).insert_line, 3);
}

TEST(action_codec, old_names_are_dropped) {
  EXPECT_TRUE(decode(R"({"action":"run","args":{"command":"a","keep_prompt":true,)"
                     R"("is_confirmed":"confirmed","timestamp":"x"}})"));
}

TEST(action_codec, bodies_of_the_wrong_form_are_422_in_pydantics_words) {
  expect_refusal("", 422, "'loc': ('body',), 'msg': 'Field required', 'input': None");
  expect_refusal("{", 422, "'type': 'json_invalid'");
  expect_refusal("[1]", 422, "'input': [1]");
  expect_refusal("{}", 422, "'loc': ('body', 'action'), 'msg': 'Field required', 'input': {}");
  expect_refusal(R"({"action":"ls"})", 422, "'msg': 'Input should be a valid dictionary'");
}

TEST(action_codec, what_is_not_json_is_said_as_python_does) {
  struct fault {
    std::string text;
    std::string where;
    std::string message;
  };
  const std::vector<fault> faults{
      {"  ", "2", "'Expecting value'"},
      {"{", "1", "'Expecting property name enclosed in double quotes'"},
      {"{\"a\": 1,}", "8", "'Expecting property name enclosed in double quotes'"},
      {"{'a': 1}", "1", "'Expecting property name enclosed in double quotes'"},
      {"{\"a\": 1} x", "9", "'Extra data'"},
      {"01", "1", "'Extra data'"},
      {"{\"a\": \"x", "6", "'Unterminated string starting at'"},
      {"\"\\", "0", "'Unterminated string starting at'"},
      {"[1, 2", "5", R"(\"Expecting ',' delimiter\")"},
      {"[1,]", "3", "'Expecting value'"},
      {"{\"a\" 1}", "5", R"(\"Expecting ':' delimiter\")"},
      {"{\"\u00e9\": \"\\x\"}", "7", R"('Invalid \\\\escape')"},
      {"\"\\u12g4\"", "2", R"('Invalid \\\\uXXXX escape')"},
      {"\"\\u12", "2", R"('Invalid \\\\uXXXX escape')"},
      {"{\"a\": \"\x01\"}", "7", "'Invalid control character at'"},
      {"nul", "0", "'Expecting value'"},
      {"-", "0", "'Expecting value'"},
      {"1.e5", "1", "'Extra data'"}};
  for (const auto& one : faults)
    expect_refusal(
        one.text, 422,
        "'loc': ('body', " + one.where +
            "), 'msg': 'JSON decode error', 'input': {}, 'ctx': {'error': " + one.message + "}");
}

TEST(action_codec, whole_numbers_are_what_python_takes_for_them) {
  const auto line = [](const std::string& value) {
    const auto action = decode(
        R"({"action":"edit","args":{"path":"/a","command":"insert","insert_line":)" + value + "}}");
    return action ? std::get<edit_action>(*action).insert_line : std::nullopt;
  };
  EXPECT_EQ(line("2.0"), 2);
  EXPECT_EQ(line("true"), 1);
  EXPECT_EQ(line(R"("+3")"), 3);
  EXPECT_EQ(line(R"("1_0")"), 10);
  EXPECT_EQ(line(R"(" -1 ")"), -1);
  for (const auto* bad : {"2.5", R"("1__0")", R"("_1")", R"("+-1")", R"("")", "[1]"})
    EXPECT_EQ(line(bad), std::nullopt) << bad;
}

TEST(action_codec, what_is_no_action_is_500_in_the_references_words) {
  expect_refusal(R"({"action":{}})", 500, "Internal server error: Unknown event type: {}");
  expect_refusal(R"({"action":{"observation":"run"}})", 500, "400: Invalid action type");
  expect_refusal(R"({"action":{"observation":"none"}})", 500,
                 "'observation['observation']='none'' is not defined. Available observations: ");
  expect_refusal(R"({"action":{"action":"run"}})", 500, "action={'action': 'run'} has the wrong");
  expect_refusal(R"({"action":{"action":"fly"}})", 500,
                 "'action['action']='fly'' is not defined. Available actions: dict_keys([<Action");
  expect_refusal(R"({"action":{"action":7}})", 500, "'action['action']=7' is not defined");
  expect_refusal(R"({"action":{"action":"think"}})", 500,
                 "'ActionExecutor' object has no attribute 'think'");
  expect_refusal(R"({"action":{"action":"write","args":{}}})", 500,
                 "missing 2 required positional arguments: 'path' and 'content'");
  expect_refusal(R"({"action":{"action":"run","args":{"command":"a","colour":1}}})", 500,
                 "CmdRunAction.__init__() got an unexpected keyword argument 'colour'");
  expect_refusal(R"({"action":{"action":"run","args":{"command":5}}})", 500, "'command'");
  expect_refusal(R"({"action":{"action":"run","args":[]}})", 500, "'args'");
  expect_refusal(R"({"action":{"action":"run_ipython","args":{"code":"1"}}})", 500,
                 "JupyterRequirement not found. Unable to run IPython action.");
}

TEST(action_codec, what_the_reference_answers_with_an_observation_is_200) {
  expect_refusal(R"({"action":{"action":"browse","args":{"url":"http://a"}}})", 200,
                 "Browser functionality is not supported or disabled.");
  expect_refusal(
      R"({"action":{"action":"edit","args":{"path":"/a","command":"insert","insert_line":"x"}}})",
      200, R"(ERROR:\nInvalid insert_line value: 'x'. Expected an integer.)");
  expect_refusal(R"({"action":{"action":"read","args":{"path":"/a","view_range":[1,"b"]}}})", 200,
                 "Invalid `view_range` parameter: [1, 'b']. It should be a list of two integers.");
}

TEST(action_codec, a_body_that_is_no_text_or_too_deep_is_refused) {
  const auto nested = [](std::size_t depth) {
    return R"({"action":{"action":"run","args":{"command":"a","thought":)" +
           std::string(depth, '[') + std::string(depth, ']') + "}}}";
  };
  const std::string unreadable = "There was an error parsing the body";
  expect_refusal("{\"action\":{\"action\":\"run\",\"args\":{\"command\":\"\xff\"}}}", 400,
                 unreadable);
  expect_refusal(nested(5000), 400, unreadable);
  expect_refusal(std::string(100'000, '['), 400, unreadable);
  EXPECT_TRUE(decode_action(nested(500)));
}

TEST(action_codec, a_byte_order_mark_is_no_part_of_the_body) {
  EXPECT_TRUE(
      decode_action("\xEF\xBB\xBF{\"action\":{\"action\":\"run\",\"args\":{\"command\":\"a\"}}}"));
}

TEST(action_codec, a_command_with_a_null_byte_is_not_run) {
  expect_refusal(R"({"action":{"action":"run","args":{"command":"a\u0000b"}}})", 200,
                 R"("content":"embedded null byte")");
}
