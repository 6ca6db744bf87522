#include "runtime/core/backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace sandfleet::core {
namespace {

using std::chrono::milliseconds;

backoff_policy patient() {
  return {milliseconds(100), milliseconds(10'000), 1'000, std::chrono::hours(1000)};
}

TEST(backoff, never_waits_longer_than_the_doubled_base_or_the_cap) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    backoff waits(patient(), seed);
    for (unsigned n = 1; n <= 40; ++n) {
      const auto delay = waits.next_delay(milliseconds(0));
      ASSERT_TRUE(delay);
      const auto ceiling = n <= 7 ? 100 * (1 << (n - 1)) : 10'000;
      EXPECT_GE(delay->count(), 0);
      EXPECT_LE(delay->count(), std::min(ceiling, 10'000)) << "after failure " << n;
    }
  }
}

TEST(backoff, spreads_evenly_over_the_whole_range) {
  // The first wait is uniform in [0, 100] ms: 101 values, ten sections of about a tenth each.
  std::vector<int> sections(10);
  constexpr int rounds = 20'000;
  for (std::uint64_t seed = 0; seed < rounds; ++seed) {
    const auto delay = backoff(patient(), seed).next_delay(milliseconds(0));
    ++sections[std::min<std::size_t>(static_cast<std::size_t>(delay->count()) / 10, 9)];
  }
  for (const int count : sections)
    EXPECT_NEAR(count, rounds / 10, rounds / 50);
}

TEST(backoff, gives_up_after_the_last_attempt) {
  auto policy = patient();
  policy.max_attempts = 3;
  backoff waits(policy, 1);
  EXPECT_TRUE(waits.next_delay(milliseconds(0)));
  EXPECT_TRUE(waits.next_delay(milliseconds(0)));
  EXPECT_FALSE(waits.next_delay(milliseconds(0)));
  EXPECT_EQ(waits.failures(), 3U);
}

TEST(backoff, with_one_attempt_never_waits) {
  auto policy = patient();
  policy.max_attempts = 1;
  EXPECT_FALSE(backoff(policy, 1).next_delay(milliseconds(0)));
}

TEST(backoff, begins_no_attempt_after_the_time_is_up) {
  auto policy = patient();
  policy.max_elapsed = milliseconds(1'000);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    backoff waits(policy, seed);
    const auto delay = waits.next_delay(milliseconds(950));
    EXPECT_LE(delay.value_or(milliseconds(0)).count(), 50);
    EXPECT_FALSE(waits.next_delay(milliseconds(1'001)));
  }
}

TEST(backoff, is_the_same_for_the_same_seed_and_differs_between_seeds) {
  const auto series = [](std::uint64_t seed) {
    backoff waits(patient(), seed);
    std::vector<milliseconds> delays;
    for (int n = 0; n < 10; ++n)
      delays.push_back(*waits.next_delay(milliseconds(0)));
    return delays;
  };
  EXPECT_EQ(series(7), series(7));
  EXPECT_NE(series(7), series(8));
}

TEST(backoff, starts_over_after_a_reset) {
  auto policy = patient();
  policy.max_attempts = 2;
  backoff waits(policy, 1);
  EXPECT_TRUE(waits.next_delay(milliseconds(0)));
  waits.reset();
  EXPECT_EQ(waits.failures(), 0U);
  const auto delay = waits.next_delay(milliseconds(0));
  ASSERT_TRUE(delay);
  EXPECT_LE(delay->count(), 100);
}

} // namespace
} // namespace sandfleet::core
