#include "tools/batch/json_text.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace sandfleet::batch {
namespace {

std::string text_of(std::string_view value) {
  return json_text().text(value).take();
}

TEST(json_text, sets_separators_by_itself) {
  json_text out;
  out.open_object();
  out.key("a").open_array().integer(1).integer(-2).open_object().close_object().close_array();
  out.key("b").null();
  out.key("c").open_object().key("d").boolean(true).close_object();
  out.close_object();
  EXPECT_EQ(out.take(), R"({"a":[1,-2,{}],"b":null,"c":{"d":true}})");
}

TEST(json_text, escapes_control_characters_quotes_and_backslashes) {
  EXPECT_EQ(text_of(std::string_view("a\"\\\n\r\t\0\x1b\x7f z", 11)),
            "\"a\\\"\\\\\\n\\r\\t\\u0000\\u001b\\u007f z\"");
}

TEST(json_text, keeps_utf_8_and_replaces_the_rest) {
  EXPECT_EQ(text_of("ä€😀"), "\"ä€😀\"");
  EXPECT_EQ(text_of("a\xff"
                    "b"),
            "\"a\xEF\xBF\xBD"
            "b\"");
  EXPECT_EQ(text_of("\xed\xa0\x80").find('\xed'), std::string::npos);
}

TEST(json_text, numbers_are_numbers_of_json) {
  EXPECT_EQ(json_text().number(0.1234567).take(), "0.123457");
  EXPECT_EQ(json_text().number(2).take(), "2");
  EXPECT_EQ(json_text().number(std::nan("")).take(), "null");
  EXPECT_EQ(json_text().number(HUGE_VAL).take(), "null");
}

} // namespace
} // namespace sandfleet::batch
