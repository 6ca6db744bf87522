#include "tools/batch/progress.hpp"

#include <gtest/gtest.h>

namespace sandfleet::batch {
namespace {

TEST(progress, the_bar_shows_counts_rate_and_time_left) {
  EXPECT_EQ(progress_bar({100, 50, 48, 4, 10}, 200),
            "[" + std::string(20, '#') + std::string(20, '.') +
                "] 50/100  48 passed  2 failed  5.0/s  10 s left");
}

TEST(progress, no_time_is_left_to_tell_before_the_first_and_after_the_last) {
  EXPECT_EQ(progress_line({10, 0, 0, 4, 1}), "0/10  0 passed  0 failed  0.0/s  4 running");
  EXPECT_EQ(progress_line({10, 10, 10, 0, 1}), "10/10  10 passed  0 failed  10.0/s  0 running");
}

TEST(progress, the_bar_never_reaches_the_last_column) {
  for (unsigned width = 1; width < 120; ++width)
    EXPECT_LT(progress_bar({1000, 123, 100, 4, 77}, width).size(), width);
}

TEST(progress, long_times_are_readable) {
  EXPECT_NE(progress_line({1001, 1, 1, 1, 1}).find("16 min 40 s left"), std::string::npos);
  EXPECT_NE(progress_line({10'001, 1, 1, 1, 1}).find("2 h 46 min left"), std::string::npos);
}

TEST(log_pace, speaks_at_each_tenth) {
  log_pace pace;
  int lines = 0;
  for (std::uint64_t done = 1; done <= 10'000; ++done)
    lines += pace.due({10'000, done, done, 0, static_cast<double>(done) / 1e5}) ? 1 : 0;
  EXPECT_EQ(lines, 10);
}

TEST(log_pace, speaks_in_a_long_silence_but_ever_more_rarely) {
  log_pace pace;
  int lines = 0;
  for (int second = 1; second <= 100'000; ++second)
    lines += pace.due({10, 0, 0, 1, static_cast<double>(second)}) ? 1 : 0;
  EXPECT_GT(lines, 20);
  EXPECT_LT(lines, 100);
}

} // namespace
} // namespace sandfleet::batch
