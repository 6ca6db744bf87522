#include "runtime/protocol/base64.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/protocol/utf8.hpp"

#include <gtest/gtest.h>

#include <limits>

using namespace sandfleet::protocol;

TEST(utf8, ill_formed_parts_become_one_replacement_each) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(to_utf8("a\xff"
                    "b"),
            "a" + r + "b");
  EXPECT_EQ(to_utf8("\xE2\x82"), r); // cut in the middle: one
  EXPECT_EQ(to_utf8("\xE2\x82x"), r + "x");
  EXPECT_EQ(to_utf8("\xC0\xAF"), r + r);                 // overlong
  EXPECT_EQ(to_utf8("\xED\xA0\x80"), r + r + r);         // a surrogate
  EXPECT_EQ(to_utf8("\xF4\x90\x80\x80"), r + r + r + r); // beyond U+10FFFF
  EXPECT_EQ(to_utf8("\xF0\x9F\x98\x80 \xC3\xA4"), "\xF0\x9F\x98\x80 \xC3\xA4");
}

TEST(utf8, every_result_is_well_formed) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second), 'x'};
      const auto text = to_utf8(bytes);
      EXPECT_TRUE(is_utf8(text));
      EXPECT_EQ(is_utf8(bytes), text == bytes);
    }
  }
}

TEST(utf8, code_points_are_counted_and_found) {
  const std::string text = "a\xC3\xA4\xF0\x9F\x98\x80z";
  EXPECT_EQ(count_code_points(text), 4U);
  EXPECT_EQ(code_point_offset(text, 2), 3U);
  EXPECT_EQ(code_point_offset(text, 3), 7U);
  EXPECT_EQ(code_point_offset(text, 9), text.size());
}

TEST(base64, round_trips_every_length) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
  EXPECT_EQ(base64_encode("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
}

TEST(base64, refuses_what_no_encoder_writes) {
  for (const auto* text : {"YQ", "YQ=", "Y===", "YQ==YQ==", "Y Q=", "YR==", "=AAA", "YQ=a"})
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
}

TEST(json_writer, escapes_as_python_does) {
  std::string out;
  append_json_string(out, std::string("\"\\/\n\r\t\b\f\x01\x1f\x7f\xC3\xA4\xff\0", 15));
  EXPECT_EQ(out, "\"\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\\u001f\x7f\xC3\xA4\xEF\xBF\xBD\\u0000\"");
}

TEST(json_writer, separates_members_and_elements) {
  json_writer out;
  out.begin_object().member("a", 1).key("b").begin_array().value(1.5).value(true).null();
  out.begin_object().end_object().end_array().member("c", std::optional<int>()).end_object();
  EXPECT_EQ(std::move(out).take(), R"({"a":1,"b":[1.5,true,null,{}],"c":null})");
}

TEST(json_writer, numbers_that_json_lacks_are_null) {
  std::string out;
  append_json_number(out, std::numeric_limits<double>::infinity());
  append_json_number(out, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(out, "nullnull");
}
