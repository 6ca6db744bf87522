#include "tests/integration/isolation/isolation_fixture.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace sandfleet::tests {
namespace {

using privileges = isolation_fixture;

constexpr const char* as_user = "setpriv --reuid=1000 --regid=1000 --clear-groups ";

TEST_F(privileges, are_a_part_of_what_docker_gives) {
  auto box = start();
  constexpr std::uint64_t dockers = 0xa80425fb;
  for (const char* set : {"CapPrm", "CapEff", "CapBnd"}) {
    const auto text = in(box, "sed -n 's/^" + std::string(set) + ":.//p' /proc/self/status");
    const auto given = std::stoull(text, nullptr, 16);
    EXPECT_EQ(given & ~dockers, 0U) << set << ' ' << text;
  }
  for (const char* set : {"CapInh", "CapAmb"})
    EXPECT_EQ(in(box, "sed -n 's/^" + std::string(set) + ":.//p' /proc/self/status"),
              "0000000000000000\n");
  EXPECT_EQ(in(box, "sed -n 's/^NoNewPrivs:.//p' /proc/self/status"), "1\n");
}

TEST_F(privileges, are_not_raised_by_setuid_programs) {
  auto box = start(with_probe());
  if (!has_other_users(box))
    GTEST_SKIP() << "this user has no subordinate ids: root is the only user of its sandboxes";
  EXPECT_EQ(in(box, std::string(as_user) + "sed -n 's/^CapEff:.//p' /proc/self/status"),
            "0000000000000000\n");
  in(box, "cp /usr/bin/id /tmp/id; chmod 6755 /tmp/id");
  EXPECT_EQ(in(box, "stat -c %a /tmp/id"), "6755\n");
  EXPECT_EQ(in(box, std::string(as_user) + "/tmp/id -u"), "1000\n");
  EXPECT_EQ(in(box, std::string(as_user) + "/tmp/id -g"), "1000\n");
}

TEST_F(privileges, of_a_user_do_not_reach_the_roots_processes) {
  auto box = start(with_probe());
  if (!has_other_users(box))
    GTEST_SKIP() << "this user has no subordinate ids: root is the only user of its sandboxes";
  EXPECT_EQ(in(box, "sleep 1000 & " + std::string(as_user) +
                        "kill $! 2>/dev/null && echo done; "
                        "kill $!"),
            "");
}

TEST_F(privileges, do_not_reach_the_agent) {
  auto box = start(with_probe());
  // Its signals are those from outside; what comes from inside has no effect, whatever it claims.
  EXPECT_EQ(in(box, probe_path + std::string(" signal-agent")), "kill done\nsigqueue done\n");
  EXPECT_EQ(in(box, "echo still here"), "still here\n");
  EXPECT_EQ(in(box, "kill -KILL -1; echo alone"), "alone\n");
  EXPECT_EQ(in(box, "echo still here"), "still here\n");
  const auto report = wait_for(box.stop());
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->failure);
}

TEST_F(privileges, leave_no_way_to_the_machines_core_dump_handler) {
  auto box = start();
  const auto limits = in(box, "sed -n 's/^Max core file size *//p' /proc/self/limits");
  std::istringstream words(limits);
  std::string soft;
  std::string hard;
  words >> soft >> hard;
  EXPECT_THAT(soft, ::testing::AnyOf("0", "1"));
  std::ifstream in_pattern("/proc/sys/kernel/core_pattern");
  const auto first = in_pattern.get();
  if (first == '|' || first == '@') { // a program of the machine's takes cores
    EXPECT_EQ(hard, soft);
  }
}

TEST_F(privileges, of_root_are_those_of_an_id_that_is_nobody_outside) {
  auto box = start();
  std::ifstream note(state_.path() + "/sandboxes/" + box.id().str() + "/init");
  std::string process;
  note >> process;
  std::ifstream status("/proc/" + process + "/status");
  std::string line;
  while (std::getline(status, line) && !line.starts_with("Uid:")) {
  }
  std::istringstream words(line.substr(4));
  unsigned uid = 0;
  words >> uid;
  if (::geteuid() == 0)
    EXPECT_GE(uid, 0x7000'0000U);
  else
    EXPECT_EQ(uid, ::geteuid());
}

} // namespace
} // namespace sandfleet::tests
