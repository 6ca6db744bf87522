#include "sandbox_agent/launcher/id_map.hpp"

#include <gtest/gtest.h>

namespace sandfleet::launcher {
namespace {

id_facts root_facts() {
  id_facts facts;
  facts.may_map_any = true;
  facts.uid_map = facts.gid_map = "         0          0 4294967295\n";
  return facts;
}

id_facts user_facts() {
  id_facts facts;
  facts.uid = 1000;
  facts.gid = 1001;
  facts.user_name = "ada";
  facts.uid_map = facts.gid_map = "         0          0 4294967295\n";
  return facts;
}

TEST(id_map, root_gets_a_high_range_of_65536) {
  const auto map = plan_id_map(root_facts(), "sb-1");
  ASSERT_EQ(map.uids.size(), 1U);
  EXPECT_EQ(map.uids, map.gids);
  EXPECT_EQ(map.uids[0].inside, 0U);
  EXPECT_EQ(map.uids[0].count, 65536U);
  EXPECT_GE(map.uids[0].outside, 0x7000'0000U);
  EXPECT_LE(std::uint64_t{map.uids[0].outside} + map.uids[0].count, std::uint64_t{1} << 31);
  EXPECT_EQ(map.uids[0].outside % 65536, 0U);
  EXPECT_TRUE(map.by_root && map.is_range());
}

TEST(id_map, sandboxes_get_ranges_of_their_own_and_the_same_again) {
  const auto facts = root_facts();
  EXPECT_EQ(plan_id_map(facts, "sb-1").uids, plan_id_map(facts, "sb-1").uids);
  EXPECT_NE(plan_id_map(facts, "sb-1").uids, plan_id_map(facts, "sb-2").uids);
}

TEST(id_map, root_of_a_container_with_few_ids_takes_the_last_range) {
  auto facts = root_facts();
  facts.uid_map = facts.gid_map = "0 100000 1000\n1000 300000 200000\n";
  const auto map = plan_id_map(facts, "sb-1");
  EXPECT_EQ(map.uids, (std::vector<id_extent>{{0, 201000 - 65536, 65536}}));
}

TEST(id_map, root_of_a_container_with_65536_ids_has_one) {
  auto facts = root_facts();
  facts.uid_map = facts.gid_map = "0 100000 65536\n";
  const auto map = plan_id_map(facts, "sb-1");
  EXPECT_EQ(map.uids, (std::vector<id_extent>{{0, 0, 1}}));
  EXPECT_FALSE(map.is_range());
}

TEST(id_map, a_user_is_root_alone_without_subordinate_ids) {
  auto facts = user_facts();
  facts.has_helpers = true;
  facts.subuid = "bob:100000:65536\n";
  facts.subgid = "ada:100000:65536\n";
  const auto map = plan_id_map(facts, "sb-1");
  EXPECT_EQ(map.uids, (std::vector<id_extent>{{0, 1000, 1}}));
  EXPECT_EQ(map.gids, (std::vector<id_extent>{{0, 1001, 1}}));
  EXPECT_FALSE(map.by_helper || map.by_root);
}

TEST(id_map, a_user_gets_its_subordinate_ids_by_name_or_number) {
  auto facts = user_facts();
  facts.has_helpers = true;
  facts.subuid = "# none\nbob:1:2\nada:100000:65536\n";
  facts.subgid = "1000:200000:5000";
  const auto map = plan_id_map(facts, "sb-1");
  EXPECT_EQ(map.uids, (std::vector<id_extent>{{0, 1000, 1}, {1, 100000, 65535}}));
  EXPECT_EQ(map.gids, (std::vector<id_extent>{{0, 1001, 1}, {1, 200000, 5000}}));
  EXPECT_TRUE(map.by_helper);
}

TEST(id_map, subordinate_ids_end_where_ids_end) {
  auto facts = user_facts();
  facts.has_helpers = true;
  facts.subuid = facts.subgid = "ada:4294967290:65536\n";
  EXPECT_EQ(plan_id_map(facts, "sb-1").uids,
            (std::vector<id_extent>{{0, 1000, 1}, {1, 4294967290, 6}}));
}

TEST(id_map, nonsense_in_subuid_is_ignored) {
  auto facts = user_facts();
  facts.has_helpers = true;
  for (const char* text : {"ada:x:65536", "ada:0:65536", "ada:1", "ada:100000:-1", ":::", ""}) {
    facts.subuid = facts.subgid = text;
    EXPECT_FALSE(plan_id_map(facts, "sb-1").by_helper) << text;
  }
}

} // namespace
} // namespace sandfleet::launcher
