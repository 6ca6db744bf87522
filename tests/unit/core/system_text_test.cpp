#include "runtime/core/system_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sandfleet::core {
namespace {

const std::string stat_line = "42 (a b) S) R (x\n) S 7 42 41 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 "
                              "1 0 987654321 10 20\n";

TEST(process_stat, is_read_behind_a_name_that_holds_anything) {
  EXPECT_EQ(parse_process_stat(stat_line), (process_stat{'S', 7, 41, 987'654'321}));
  EXPECT_FALSE(parse_process_stat(stat_line)->dead());
}

TEST(process_stat, a_line_cut_anywhere_is_none_or_whole) {
  const auto start_time_ends = stat_line.find("987654321") + 9;
  for (std::size_t length = 0; length <= stat_line.size(); ++length) {
    const auto found = parse_process_stat(std::string_view(stat_line).substr(0, length));
    if (length >= start_time_ends) {
      EXPECT_EQ(found, parse_process_stat(stat_line)) << length;
    } else if (found) {
      EXPECT_LT(found->start_time, 987'654'321U) << length; // the number itself was cut
    }
  }
}

TEST(process_stat, other_text_is_none) {
  for (const char* text : {"", ")", "1 (a)", "1 (a) S", "1 (a) S x 1 1", ") ) ) )",
                           "1 (a) 7 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22"})
    EXPECT_FALSE(parse_process_stat(text)) << text;
  EXPECT_FALSE(parse_process_stat("1 (a) S 99999999999 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 5"));
}

TEST(pids, only_whole_positive_numbers_are_some) {
  EXPECT_EQ(parse_pid("17"), 17);
  for (const char* text : {"", "0", "-1", "1 ", " 1", "+1", "self", "99999999999", "1x"})
    EXPECT_FALSE(parse_pid(text)) << text;
  EXPECT_EQ(parse_pids(" 1 22\t3\n\n4x 0 -5 99999999999 6"), (std::vector<pid_t>{1, 22, 3, 6}));
  EXPECT_TRUE(parse_pids("").empty());
}

TEST(named_numbers, are_found_by_their_whole_name) {
  constexpr std::string_view text = "MemTotalX:  1 kB\nMemTotal:\t  42 kB\nMemFree: many\nLast:7";
  EXPECT_EQ(named_number(text, "MemTotal"), 42);
  EXPECT_EQ(named_number(text, "Last"), 7);
  EXPECT_FALSE(named_number(text, "MemFree"));
  EXPECT_FALSE(named_number(text, "Mem"));
  EXPECT_FALSE(named_number("", "Mem"));
}

TEST(accounts, are_found_by_their_number) {
  constexpr std::string_view passwd = "broken\nroot:x:0:0:root:/root:/bin/bash\n::5\n"
                                      "me:x:1000:1000::/home/me:/bin/sh\nagain:x:1000:1::/:";
  EXPECT_EQ(account_name(passwd, 0), "root");
  EXPECT_EQ(account_name(passwd, 1000), "me");
  EXPECT_EQ(account_name(passwd, 5), "");
  EXPECT_EQ(account_name(passwd, 100), "");
}

} // namespace
} // namespace sandfleet::core
