#include "runtime/service/warm_pool.hpp"

#include <gtest/gtest.h>

namespace sandfleet::service {
namespace {

std::shared_ptr<member> some_member() {
  journal::sandbox_row row;
  row.id = make_sandbox_id();
  return std::make_shared<member>(row, protocol::runtime_start{});
}

TEST(warm_pool, is_filled_to_what_is_wanted_and_no_further) {
  warm_pool pool({{"python", 2}});
  EXPECT_EQ(pool.claim_missing("python"), 2U);
  EXPECT_EQ(pool.claim_missing("python"), 0U);
  pool.has_come("python", some_member(), true);
  pool.has_failed("python");
  EXPECT_EQ(pool.claim_missing("python"), 1U);
  EXPECT_EQ(pool.claim_missing("busybox"), 0U);
  EXPECT_EQ(pool.ready(), (std::map<std::string, std::size_t>{{"python", 1}}));
}

TEST(warm_pool, hands_each_one_out_once) {
  warm_pool pool({{"python", 2}});
  EXPECT_EQ(pool.take("python"), nullptr);
  const auto first = some_member();
  const auto second = some_member();
  pool.has_come("python", first, false);
  EXPECT_TRUE(pool.has_room("python"));
  pool.has_come("python", second, false);
  EXPECT_FALSE(pool.has_room("python"));
  EXPECT_EQ(pool.take("python"), first);
  EXPECT_EQ(pool.take("python"), second);
  EXPECT_EQ(pool.take("python"), nullptr);
  EXPECT_EQ(pool.claim_missing("python"), 2U);
}

TEST(warm_pool, those_that_have_ended_are_nobodys) {
  warm_pool pool({{"python", 2}});
  const auto dead = some_member();
  const auto dropped = some_member();
  pool.has_come("python", dead, false);
  pool.has_come("python", dropped, false);
  dead->ended(std::nullopt, sandbox_state::error, {});
  EXPECT_TRUE(pool.drop(dropped));
  EXPECT_FALSE(pool.drop(dropped));
  EXPECT_EQ(pool.take("python"), nullptr);
}

TEST(warm_pool, serves_the_image_or_whatever_there_is) {
  const warm_pool pool({{"python", 1}});
  EXPECT_EQ(pool.image_for("python", true), "python");
  EXPECT_EQ(pool.image_for("busybox", true), "");
  EXPECT_EQ(pool.image_for("busybox", false), "python");
  EXPECT_EQ(warm_pool({}).image_for("busybox", false), "");
}

} // namespace
} // namespace sandfleet::service
