#include "sandbox_agent/launcher/cgroup_paths.hpp"

#include <gtest/gtest.h>

namespace sandfleet::launcher {
namespace {

TEST(cgroup_paths, version_1_with_joined_controllers) {
  const auto found = find_cgroups(
      "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
      "22 27 0:21 / /proc rw,relatime - proc proc rw\n",
      "9:name=systemd:/user\n4:memory:/a/b\n1:cpu,cpuacct:/\n");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_TRUE(found[0].has("memory"));
  EXPECT_EQ(found[0].own_dir, "/sys/fs/cgroup/memory/a/b");
  EXPECT_TRUE(found[1].has("cpu") && found[1].has("cpuacct"));
  EXPECT_EQ(found[1].own_dir, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(found[2].own_dir, "/sys/fs/cgroup/systemd/user");
}

TEST(cgroup_paths, version_2) {
  const auto found = find_cgroups("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
                                  "0::/user.slice/app.scope\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].version2);
  EXPECT_EQ(found[0].own_dir, "/sys/fs/cgroup/user.slice/app.scope");
}

TEST(cgroup_paths, a_mount_of_a_part_shows_only_that_part) {
  const auto* mountinfo =
      "35 31 0:32 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
  EXPECT_EQ(find_cgroups(mountinfo, "4:memory:/docker/x\n").at(0).own_dir, "/sys/fs/cgroup/memory");
  EXPECT_EQ(find_cgroups(mountinfo, "4:memory:/docker/x/y\n").at(0).own_dir,
            "/sys/fs/cgroup/memory/y");
  EXPECT_TRUE(find_cgroups(mountinfo, "4:memory:/docker/xyz\n").empty());
  EXPECT_TRUE(find_cgroups(mountinfo, "4:memory:/other\n").empty());
}

TEST(cgroup_paths, what_lies_outside_the_cgroup_namespace_is_left_out) {
  EXPECT_TRUE(
      find_cgroups("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/../x\n").empty());
}

TEST(cgroup_paths, escaped_mount_points_and_paths_with_colons) {
  const auto found =
      find_cgroups("30 23 0:26 / /sys/my\\040cgroup rw - cgroup2 cgroup2 rw\n", "0::/a:b\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].own_dir, "/sys/my cgroup/a:b");
}

TEST(cgroup_paths, nonsense_is_ignored) {
  for (const char* text :
       {"", "\n\n", "-", " - ", "a b c - cgroup2", "x - cgroup cgroup rw,memory"})
    EXPECT_TRUE(find_cgroups(text, "0::/\n1:memory:/\nrubbish\n::\n").empty()) << text;
}

} // namespace
} // namespace sandfleet::launcher
