#include "runtime/service/api_keys.hpp"

#include <gtest/gtest.h>

namespace sandfleet::service {
namespace {

using namespace std::chrono_literals;

constexpr const char* secret = "sixteen-letters-";
const api_keys::clock::time_point start{};

std::shared_ptr<api_keys> keys_with(key_quota quota) {
  return api_keys::make({{"team", secret, quota, {}}}).value();
}

result<void> admit(api_keys& keys, std::int64_t alive, api_keys::clock::time_point now) {
  return keys.admit("team", alive, {}, {}, now);
}

TEST(api_keys, a_secret_names_its_owner) {
  const auto keys =
      api_keys::make({{"a", "secret-of-team-a-", {}}, {"b", "secret-of-team-b-", {}}}).value();
  EXPECT_EQ(keys->owner_of("secret-of-team-a-"), "a");
  EXPECT_EQ(keys->owner_of("secret-of-team-b-"), "b");
  for (const char* wrong : {"", "secret-of-team-a", "secret-of-team-a-x", "a"})
    EXPECT_EQ(keys->owner_of(wrong), std::nullopt) << wrong;
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
    ASSERT_TRUE(admit(*keys, i, start));
}

TEST(api_keys, sandboxes_at_once_are_limited) {
  auto keys = keys_with({.max_sandboxes = 2, .starts_per_minute = {}});
  EXPECT_TRUE(admit(*keys, 1, start));
  const auto refused = admit(*keys, 2, start);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::limit_exceeded);
  EXPECT_TRUE(admit(*keys, 0, start));
}

TEST(api_keys, starts_are_limited_in_every_minute) {
  auto keys = keys_with({.max_sandboxes = {}, .starts_per_minute = 2});
  EXPECT_TRUE(admit(*keys, 0, start));
  EXPECT_TRUE(admit(*keys, 0, start + 40s));
  const auto refused = admit(*keys, 0, start + 50s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().evidence.back(),
            (std::pair<std::string, evidence_value>("retry_after_s", std::int64_t{10})));
  EXPECT_TRUE(admit(*keys, 0, start + 60s));
  EXPECT_FALSE(admit(*keys, 0, start + 61s));
}

TEST(api_keys, processors_and_memory_are_limited_in_all) {
  auto keys = keys_with({.max_cpus = 4, .max_memory_mb = 1024});
  EXPECT_TRUE(keys->limits_cpus());
  EXPECT_TRUE(keys->limits_memory());
  EXPECT_TRUE(keys->admit("team", 1, {2, 512}, {2, 512}, start));
  const auto cpus = keys->admit("team", 1, {2.5, 0}, {2, 0}, start);
  ASSERT_FALSE(cpus);
  EXPECT_NE(cpus.error().message.find("processors"), std::string::npos);
  const auto memory = keys->admit("team", 1, {0, 513}, {0, 512}, start);
  ASSERT_FALSE(memory);
  EXPECT_NE(memory.error().message.find("memory"), std::string::npos);
}

TEST(api_keys, others_take_their_place_and_starts_stay_counted) {
  auto keys = keys_with({.starts_per_minute = 1});
  EXPECT_TRUE(admit(*keys, 0, start));
  EXPECT_FALSE(keys->replace({}));
  EXPECT_EQ(keys->owner_of(secret), "team");
  ASSERT_TRUE(keys->replace(
      {{"team", "another-secret-of", {.starts_per_minute = 1}, {.auto_resume = false}}}));
  EXPECT_EQ(keys->owner_of(secret), std::nullopt);
  EXPECT_EQ(keys->owner_of("another-secret-of"), "team");
  EXPECT_FALSE(keys->policy_of("team").auto_resume);
  EXPECT_TRUE(keys->policy_of("nobody").auto_resume);
  EXPECT_FALSE(admit(*keys, 0, start + 1s));
}

} // namespace
} // namespace sandfleet::service
