#include "runtime/core/text.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sandfleet::core {
namespace {

using namespace std::string_literals;

TEST(text, trim_takes_blanks_from_both_ends) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(text, split_keeps_empty_parts) {
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string_view>{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), std::vector<std::string_view>{""});
}

TEST(text, join_is_the_reverse_of_split) {
  for (const std::string_view text : {"a,b", ",", "", "a,,b"})
    EXPECT_EQ(join(split(text, ','), ","), text);
}

TEST(text, case_changes_touch_ascii_letters_only) {
  EXPECT_EQ(to_lower("AZaz09_\xC3\x84"), "azaz09_\xC3\x84");
  EXPECT_EQ(to_upper("AZaz09_\xC3\xA4"), "AZAZ09_\xC3\xA4");
}

TEST(text, numbers_are_read_whole_or_not_at_all) {
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_EQ(parse_integer("9223372036854775807"), INT64_MAX);
  for (const auto* text : {"", " 1", "1 ", "+1", "1.0", "0x1", "9223372036854775808"})
    EXPECT_FALSE(parse_integer(text)) << text;
  EXPECT_EQ(parse_number("0.5"), 0.5);
  EXPECT_EQ(parse_number("1e3"), 1000);
  for (const auto* text : {"", "inf", "nan", "1x", "1e999"})
    EXPECT_FALSE(parse_number(text)) << text;
}

TEST(text, numbers_are_written_as_short_as_they_can_be) {
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(4096), "4096");
  EXPECT_EQ(number_text(100000), "100000");
  EXPECT_EQ(number_text(-2), "-2");
}

TEST(text, edit_distance_counts_single_changes_and_swaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("image", "imaeg"), 1U);
  EXPECT_EQ(edit_distance("image", "imag"), 1U);
  EXPECT_EQ(edit_distance("image", "xmage"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(text, nearest_finds_the_likeliest_candidate_and_refuses_far_ones) {
  constexpr std::array<std::string_view, 3> names = {"image", "isolation", "timeout"};
  EXPECT_EQ(nearest("imgae", names), "image");
  EXPECT_EQ(nearest("timout", names), "timeout");
  EXPECT_EQ(nearest("network", names), std::nullopt);
  EXPECT_EQ(nearest("image", {}), std::nullopt);
}

} // namespace
} // namespace sandfleet::core
