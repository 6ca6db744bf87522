#include "sandbox_agent/launcher/oom_victims.hpp"

#include <gtest/gtest.h>

using sandfleet::launcher::oom_victims;

namespace {

std::string group_record(const std::string& group, const std::string& task, int pid) {
  return "6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,"
         "oom_memcg=" +
         group + ",task_memcg=" + group + ",task=" + task + ",pid=" + std::to_string(pid) +
         ",uid=0\n SUBSYSTEM=x\n";
}

std::string size_record(const std::string& task, int pid, int kib) {
  return "3,1,2,-;Memory cgroup out of memory: Killed process " + std::to_string(pid) + " (" +
         task + ") total-vm:9kB, anon-rss:" + std::to_string(kib) +
         "kB, file-rss:1kB, shmem-rss:0kB, UID:0 pgtables:1kB oom_score_adj:500\n";
}

} // namespace

TEST(launcher_oom_victims, those_of_the_sandbox_are_told_with_their_sizes) {
  oom_victims found("sb-1");
  found.read(group_record("/a/sandfleet-sb-1", "tail", 7));
  found.read("6,1,2,-;something between\n");
  found.read(size_record("tail", 7, 64128));
  found.read(group_record("/sandfleet-sb-1/commands", "python3", 8));
  found.read(size_record("python3", 8, 1023));
  EXPECT_EQ(found.text(), "tail 62 MiB, python3 1023 KiB");
}

TEST(launcher_oom_victims, those_of_others_are_not) {
  oom_victims found("sb-1");
  for (const auto* group : {"/sandfleet-sb-12", "/sandfleet-sb", "/", "/x-sandfleet-sb-1"}) {
    found.read(group_record(group, "tail", 7));
    found.read(size_record("tail", 7, 64128));
  }
  found.read(group_record("/sandfleet-sb-1", "tail", 7));
  found.read(size_record("tail", 8, 64128));
  EXPECT_EQ(found.text(), "");
}

TEST(launcher_oom_victims, names_may_hold_anything) {
  oom_victims found("sb-1");
  found.read(group_record("/sandfleet-sb-1", "x,pid=9,uid=0", 7));
  found.read(size_record(") total-vm:1kB", 7, 2048));
  EXPECT_EQ(found.text(), ") total-vm:1kB 2 MiB");
  oom_victims other("sb-2");
  other.read(group_record("/a", ",task_memcg=/sandfleet-sb-2", 7));
  other.read(size_record("x", 7, 2048));
  EXPECT_EQ(other.text(), "");
}

TEST(launcher_oom_victims, other_texts_say_nothing_and_many_are_cut) {
  oom_victims found("sb-1");
  for (const auto* text : {"", ";", "\n", "oom-kill:", "a;oom-kill:,task_memcg=/sandfleet-sb-1",
                           "a;oom-kill:,task_memcg=/sandfleet-sb-1,pid="})
    found.read(text);
  found.read("Killed process  (x) total-vm:, anon-rss:k");
  EXPECT_EQ(found.text(), "");
  for (int i = 0; i < 20; ++i) {
    found.read(group_record("/sandfleet-sb-1", "a", 7));
    found.read(size_record("a", 7, 1024));
  }
  EXPECT_EQ(found.text().size(), 10 * std::string("a 1 MiB").size() + 9 * 2);
}
