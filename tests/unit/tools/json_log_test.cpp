#include "tools/cli/json_log.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

namespace sandfleet::cli {
namespace {

using std::chrono::system_clock;

std::string field(const log_text& text, std::string_view name) {
  for (const auto& [key, value] : text.fields)
    if (key == name)
      return std::get<std::string>(value);
  return "(none)";
}

TEST(json_log, a_line_of_the_log_is_taken_apart) {
  const auto text =
      parse_log_text(R"(sandbox_state sandbox=sb-1 why="no \"space\"\nleft = 0" to=)");
  EXPECT_EQ(text.event, "sandbox_state");
  EXPECT_EQ(field(text, "sandbox"), "sb-1");
  EXPECT_EQ(field(text, "why"), "no \"space\"\nleft = 0");
  EXPECT_EQ(field(text, "to"), "");
}

TEST(json_log, what_has_another_form_stays_whole) {
  for (const char* text : {"two words", "event key", "event =v", R"(event a="open)",
                           R"(event a="b"c)", "event a=b  c=d"}) {
    const auto parsed = parse_log_text(text);
    EXPECT_EQ(parsed.event, text);
    EXPECT_TRUE(parsed.fields.empty());
  }
  EXPECT_EQ(parse_log_text("").event, "");
}

TEST(json_log, a_line_is_one_object_whatever_it_says) {
  const log_fields fields = {{"count", std::int64_t{-7}}, {"bytes", std::string("\xff\n\"\\")}};
  const auto line = json_log_line(system_clock::time_point(std::chrono::milliseconds(1'001)),
                                  "warning", own_logger, "one\ntwo", fields);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto object = boost::json::parse(line).as_object();
  EXPECT_EQ(object.at("time").as_string(), "1970-01-01T00:00:01.001Z");
  EXPECT_EQ(object.at("level").as_string(), "warning");
  EXPECT_EQ(object.at("logger").as_string(), "sandfleet");
  EXPECT_EQ(object.at("message").as_string(), "one\ntwo");
  EXPECT_EQ(object.at("fields").at("count").as_int64(), -7);
  EXPECT_EQ(object.at("fields").at("bytes").as_string(), "\xef\xbf\xbd\n\"\\");
}

TEST(json_log, an_error_keeps_its_parts) {
  const auto line = json_log_line(make_error(errc::not_found, "no such thing")
                                      .with_cause("it went")
                                      .with("errno", std::int64_t{2})
                                      .with_hint("look elsewhere"));
  const auto object = boost::json::parse(line).as_object();
  EXPECT_EQ(object.at("level").as_string(), "error");
  EXPECT_EQ(object.at("message").as_string(), "no such thing");
  const auto& fields = object.at("fields").as_object();
  EXPECT_EQ(fields.at("cause").as_string(), "it went");
  EXPECT_EQ(fields.at("hint").as_string(), "look elsewhere");
  EXPECT_EQ(fields.at("code").as_string(), "not_found");
  EXPECT_EQ(fields.at("errno").as_int64(), 2);
}

} // namespace
} // namespace sandfleet::cli
