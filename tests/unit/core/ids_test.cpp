#include <sandfleet/ids.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <type_traits>
#include <unordered_set>

namespace sandfleet {
namespace {

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

TEST(ids, of_a_sandbox_is_a_prefix_and_sixteen_hex_digits) {
  const auto id = make_sandbox_id().str();
  EXPECT_EQ(id.size(), 19U);
  EXPECT_EQ(id.substr(0, 3), "sb-");
  EXPECT_TRUE(is_hex(id.substr(3))) << id;
}

TEST(ids, a_secret_is_sixty_four_hex_digits) {
  const auto secret = make_secret();
  EXPECT_EQ(secret.size(), 64U);
  EXPECT_TRUE(is_hex(secret)) << secret;
}

TEST(ids, are_different_every_time) {
  std::unordered_set<sandbox_id> seen;
  for (int i = 0; i < 10'000; ++i)
    EXPECT_TRUE(seen.insert(make_sandbox_id()).second);
}

TEST(ids, of_secrets_are_random_in_every_digit) {
  std::array<std::array<int, 16>, 64> counts{};
  constexpr int rounds = 4'000;
  constexpr std::string_view digits = "0123456789abcdef";
  for (int i = 0; i < rounds; ++i) {
    const auto secret = make_secret();
    for (std::size_t at = 0; at < secret.size(); ++at)
      ++counts[at][digits.find(secret[at])];
  }
  // Each is binomial with mean 250 and standard deviation 15.3; 8 deviations do not happen.
  for (const auto& place : counts)
    for (const int count : place)
      EXPECT_NEAR(count, rounds / 16, 125);
}

TEST(ids, of_different_kinds_do_not_convert_into_each_other) {
  static_assert(!std::is_convertible_v<sandbox_id, provider_name>);
  static_assert(!std::is_constructible_v<sandbox_id, provider_name>);
  static_assert(!std::is_convertible_v<std::string, sandbox_id>);
  EXPECT_TRUE(sandbox_id{}.empty());
  EXPECT_LT(sandbox_id("a"), sandbox_id("b"));
}

} // namespace
} // namespace sandfleet
