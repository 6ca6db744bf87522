#include "runtime/service/api_keys.hpp"

#include <gtest/gtest.h>

namespace sandfleet::service {
namespace {

using namespace std::chrono_literals;

constexpr const char* secret = "sixteen-letters-";
const api_keys::clock::time_point start{};

api_keys keys_with(key_quota quota) {
  return api_keys::make({{"team", secret, quota}}).value();
}

TEST(api_keys, a_secret_names_its_owner) {
  const auto keys =
      api_keys::make({{"a", "secret-of-team-a-", {}}, {"b", "secret-of-team-b-", {}}}).value();
  EXPECT_EQ(keys.owner_of("secret-of-team-a-"), "a");
  EXPECT_EQ(keys.owner_of("secret-of-team-b-"), "b");
  for (const char* wrong : {"", "secret-of-team-a", "secret-of-team-a-x", "a"})
    EXPECT_EQ(keys.owner_of(wrong), std::nullopt) << wrong;
}

TEST(api_keys, what_cannot_be_told_apart_or_guarded_is_refused) {
  EXPECT_FALSE(api_keys::make({}));
  EXPECT_FALSE(api_keys::make({{"a", "short", {}}}));
  EXPECT_FALSE(api_keys::make({{"a", secret, {}}, {"b", secret, {}}}));
  EXPECT_FALSE(api_keys::make({{"a", secret, {}}, {"a", "another-secret-of", {}}}));
}

TEST(api_keys, without_a_quota_nothing_is_limited) {
  auto keys = keys_with({});
  for (int i = 0; i < 10'000; ++i)
    ASSERT_TRUE(keys.admit("team", i, start));
}

TEST(api_keys, sandboxes_at_once_are_limited) {
  auto keys = keys_with({.max_sandboxes = 2, .starts_per_minute = {}});
  EXPECT_TRUE(keys.admit("team", 1, start));
  const auto refused = keys.admit("team", 2, start);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::limit_exceeded);
  EXPECT_TRUE(keys.admit("team", 0, start));
}

TEST(api_keys, starts_are_limited_in_every_minute) {
  auto keys = keys_with({.max_sandboxes = {}, .starts_per_minute = 2});
  EXPECT_TRUE(keys.admit("team", 0, start));
  EXPECT_TRUE(keys.admit("team", 0, start + 40s));
  const auto refused = keys.admit("team", 0, start + 50s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().evidence.back(),
            (std::pair<std::string, evidence_value>("retry_after_s", std::int64_t{10})));
  EXPECT_TRUE(keys.admit("team", 0, start + 60s));
  EXPECT_FALSE(keys.admit("team", 0, start + 61s));
}

} // namespace
} // namespace sandfleet::service
