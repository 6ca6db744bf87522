#include "runtime/protocol/terminal_api.hpp"

#include <gtest/gtest.h>

using namespace sandfleet;
using namespace sandfleet::protocol;

namespace {

terminal_request request_of(std::string_view text) {
  const auto order = decode_terminal_order(text);
  return order ? std::get<terminal_request>(*order) : terminal_request{};
}

std::string refusal_of_order(std::string_view text) {
  const auto order = decode_terminal_order(text);
  if (order)
    return "";
  EXPECT_EQ(order.error().code, errc::protocol_error);
  return order.error().to_string();
}

} // namespace

TEST(terminal_api, a_request_is_read_as_it_was_written) {
  terminal_request request;
  request.argv = {"python3", "-i"};
  request.cwd = "/tmp";
  request.env = {{"TERM", "xterm"}, {"A", "\"b\\"}};
  request.size = {40, 132};
  request.name = "our.terminal_1-a";
  const auto text = encode_terminal_order(request);
  const auto read = request_of(text);
  EXPECT_EQ(read.argv, request.argv);
  EXPECT_EQ(read.cwd, request.cwd);
  EXPECT_EQ(read.env, request.env);
  EXPECT_EQ(read.size, request.size);
  EXPECT_EQ(read.name, request.name);
  EXPECT_EQ(encode_terminal_order(read), text);
}

TEST(terminal_api, all_of_a_request_may_be_left_out) {
  ASSERT_TRUE(decode_terminal_order(R"({"type":"open"})"));
  const auto read = request_of(R"({"type":"open"})");
  EXPECT_TRUE(read.argv.empty());
  EXPECT_EQ(read.size, window_size{});
}

TEST(terminal_api, a_size_is_as_the_page_says) {
  EXPECT_EQ(encode_terminal_order(window_size{24, 80}),
            R"({"type":"resize","rows":24,"columns":80})");
  for (const window_size size : {window_size{1, 1}, window_size{65535, 256}, window_size{50, 211}})
    EXPECT_EQ(std::get<window_size>(*decode_terminal_order(encode_terminal_order(size))), size);
}

TEST(terminal_api, what_is_wrong_is_named) {
  for (const auto& [text, what] :
       {std::pair{R"({"type":"open","rows":0})", "rows"},
        std::pair{R"({"type":"open","columns":65536})", "columns"},
        std::pair{R"({"type":"open","argv":[""]})", "argv"},
        std::pair{R"({"type":"open","argv":["a\u0000b"]})", "argv"},
        std::pair{R"({"type":"open","env":{"A=B":"x"}})", "env"},
        std::pair{R"({"type":"open","cwd":"\u0000"})", "cwd"},
        std::pair{R"({"type":"open","name":""})", "name"},
        std::pair{R"({"type":"open","name":"a/b"})", "name"},
        std::pair{R"({"type":"resize","rows":24})", "columns"},
        std::pair{R"({"type":"exit","exit_code":0})", "type"}, std::pair{R"({})", "type"}})
    EXPECT_NE(refusal_of_order(text).find(what), std::string::npos) << text;
  for (const char* text : {"", "[]", "1", "{"})
    EXPECT_NE(refusal_of_order(text), "");
}

TEST(terminal_api, news_travel) {
  EXPECT_EQ(encode_terminal_news(terminal_exit{7, {}}), R"({"type":"exit","exit_code":7})");
  EXPECT_EQ(encode_terminal_news(terminal_exit{{}, 9}), R"({"type":"exit","signal":9})");
  for (const terminal_news& news :
       {terminal_news(terminal_opened{}), terminal_news(terminal_opened{true}),
        terminal_news(terminal_refused{404, "not \"here\""}), terminal_news(terminal_exit{0, {}}),
        terminal_news(terminal_exit{{}, 15})})
    EXPECT_EQ(decode_terminal_news(encode_terminal_news(news)).value(), news);
  for (const char* text :
       {"", "{}", R"({"type":"exit"})", R"({"type":"exit","exit_code":1,"signal":2})",
        R"({"type":"exit","exit_code":-1})", R"({"type":"exit","signal":0})",
        R"({"type":"refused","status":200,"detail":""})", R"({"type":"open"})"})
    EXPECT_EQ(decode_terminal_news(text).error().code, errc::protocol_error) << text;
}
