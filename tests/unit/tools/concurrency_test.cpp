#include "tools/batch/concurrency.hpp"

#include <gtest/gtest.h>

namespace sandfleet::batch {
namespace {

TEST(automatic_concurrency, is_two_a_core_where_memory_allows) {
  EXPECT_EQ(automatic_concurrency({2, 64'000}, 256), 4U);
  EXPECT_EQ(automatic_concurrency({64, 1'000'000}, 256), 128U);
}

TEST(automatic_concurrency, leaves_an_eighth_of_the_memory) {
  EXPECT_EQ(automatic_concurrency({64, 8192}, 1024), 7U);
}

TEST(automatic_concurrency, is_at_least_one) {
  EXPECT_EQ(automatic_concurrency({1, 0}, 256), 1U);
  EXPECT_EQ(automatic_concurrency({2, 100}, 4096), 1U);
}

TEST(this_machine, has_cores_and_memory) {
  EXPECT_GE(this_machine().cores, 1U);
  EXPECT_GT(this_machine().available_memory_mb, 0);
}

} // namespace
} // namespace sandfleet::batch
