#include "runtime/core/cgroup_usage.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>

namespace sandfleet::core {
namespace {

using files = std::map<std::string, std::string>;

template <std::size_t Count>
resource_usage usage_of(const std::array<std::string, Count>& dirs, const files& found) {
  return cgroup_usage(dirs, [&](const std::string& path) {
    const auto file = found.find(path);
    return file == found.end() ? std::string() : file->second;
  });
}

TEST(cgroup_usage, version_1) {
  const auto used =
      usage_of(std::array<std::string, 5>{"/m", "/c", "/a", "/p", "/f"},
               {{"/m/memory.max_usage_in_bytes", "3145728\n"},
                {"/m/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"},
                {"/m/memory.limit_in_bytes", "67108864\n"},
                {"/m/memory.failcnt", "17\n"},
                {"/c/cpu.cfs_quota_us", "50000\n"},
                {"/c/cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 12345\n"},
                {"/a/cpuacct.usage", "1500000000\n"},
                {"/p/pids.max", "64\n"},
                {"/p/pids.events", "max 9\n"},
                {"/f/freezer.state", "THAWED\n"}});
  EXPECT_EQ(used.cpu_seconds, 1.5);
  EXPECT_EQ(used.peak_memory_mb, 3.0);
  EXPECT_EQ(used.oom_kills, 2);
  EXPECT_EQ(used.touched,
            (std::map<std::string, std::int64_t>{{"cpus", 4}, {"memory_mb", 17}, {"pids", 9}}));
}

TEST(cgroup_usage, version_2) {
  const auto used = usage_of(std::array<std::string, 1>{"/g"},
                             {{"/g/cpu.stat", "usage_usec 250000\nnr_throttled 0\n"},
                              {"/g/cpu.max", "50000 100000\n"},
                              {"/g/memory.peak", "1048576\n"},
                              {"/g/memory.max", "67108864\n"},
                              {"/g/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n"},
                              {"/g/pids.max", "max\n"},
                              {"/g/pids.events", "max 0\n"}});
  EXPECT_EQ(used.cpu_seconds, 0.25);
  EXPECT_EQ(used.peak_memory_mb, 1.0);
  EXPECT_EQ(used.oom_kills, 1);
  EXPECT_EQ(used.touched, (std::map<std::string, std::int64_t>{{"cpus", 0}, {"memory_mb", 3}}));
}

TEST(cgroup_usage, what_is_not_limited_cannot_be_met) {
  const auto used = usage_of(std::array<std::string, 2>{"/m", "/c"},
                             {{"/m/memory.limit_in_bytes", "9223372036854771712\n"},
                              {"/m/memory.failcnt", "0\n"},
                              {"/c/cpu.cfs_quota_us", "-1\n"},
                              {"/c/cpu.max", "max 100000\n"},
                              {"/c/cpu.stat", "nr_throttled 0\n"}});
  EXPECT_TRUE(used.touched.empty());
}

TEST(cgroup_usage, without_groups_nothing_is_known) {
  const auto used = usage_of(std::array<std::string, 1>{"/gone"}, {});
  EXPECT_FALSE(used.cpu_seconds);
  EXPECT_FALSE(used.peak_memory_mb);
  EXPECT_FALSE(used.oom_kills);
  EXPECT_TRUE(used.touched.empty());
}

TEST(cgroup_usage, keyed_numbers) {
  EXPECT_EQ(keyed_number("oom_kill_disable 0\nunder_oom 0\noom_kill 12\n", "oom_kill", -1), 12);
  EXPECT_EQ(keyed_number("low 0\n", "oom_kill", -1), -1);
  EXPECT_EQ(keyed_number("oom_kill", "oom_kill", -1), -1);
}

} // namespace
} // namespace sandfleet::core
