#include "sandbox_agent/memory/memory_group.hpp"
#include "sandbox_agent/memory/memory_monitor.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

using namespace sandfleet::agent;

TEST(agent_memory_group, is_looked_for_where_the_kernel_says) {
  const std::vector<std::string> version1{"/m/memory/docker/x", "/m/memory", "/m/", "/m/unified/",
                                          "/m"};
  EXPECT_EQ(memory_group_places("5:cpu,cpuacct:/a\n4:hugetlb,memory:/docker/x\n0::/\n", "/m"),
            version1);
  EXPECT_EQ(memory_group_places("0::/user.slice/a:b", "/m"),
            (std::vector<std::string>{"/m/user.slice/a:b", "/m/unified/user.slice/a:b", "/m"}));
  // As it looks from a namespace whose root is below the group.
  EXPECT_TRUE(memory_group_places("0::/../../other\n", "/m").empty());
  EXPECT_TRUE(memory_group_places("", "/m").empty());
  EXPECT_TRUE(memory_group_places("0\n1:\n:::\n2:memory:relative", "/m").empty());
}

TEST(agent_memory_group, kills_are_counted_by_whatever_counts_them) {
  const memory_group group;
  EXPECT_TRUE(group.oom_kills());
  EXPECT_EQ(group.counts_the_machine(), group.directory().empty());
}

TEST(agent_memory_group, remark_is_a_line_of_its_own) {
  EXPECT_EQ(oom_remark(0, 1, false), "");
  EXPECT_EQ(oom_remark(1, 64 << 20, false),
            "\n[The kernel killed 1 process of the sandbox for memory while the command ran; the "
            "limit is 64 MiB.]");
  EXPECT_EQ(oom_remark(3, std::nullopt, true),
            "\n[The kernel killed 3 processes of the machine for memory while the command ran.]");
}

TEST(agent_memory_group, sizes_are_rounded) {
  EXPECT_EQ(size_text(0), "0 bytes");
  EXPECT_EQ(size_text(1023), "1023 bytes");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(size_text(std::int64_t{5} << 40), "5 TiB");
  EXPECT_EQ(size_text(std::int64_t{1} << 53), "8192 TiB");
}

TEST(agent_memory_monitor, report_names_the_largest) {
  std::vector<process_memory> processes;
  for (int i = 1; i <= 7; ++i)
    processes.push_back({i, "p" + std::to_string(i), std::int64_t{1} << 20});
  EXPECT_EQ(memory_report(58 << 20, 64 << 20, processes),
            "[Memory usage] 58 MiB of 64 MiB (91 %): p1 (1) 1 MiB, p2 (2) 1 MiB, p3 (3) 1 MiB, p4 "
            "(4) 1 MiB, p5 (5) 1 MiB");
  EXPECT_EQ(memory_report(1, 0, {}), "[Memory usage] 1 bytes of 0 bytes (0 %)");
}

TEST(agent_memory_monitor, processes_are_sorted_and_we_are_not_among_them) {
  const auto found = processes_by_memory({::getpid(), ::getppid(), 1});
  ASSERT_FALSE(found.empty());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NE(found[i].pid, ::getpid());
    EXPECT_GT(found[i].resident, 0);
    EXPECT_TRUE(i == 0 || found[i - 1].resident >= found[i].resident);
  }
}
