#include "tools/cli/docker_checks.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace sandfleet::cli {
namespace {

using ::testing::HasSubstr;

docker::engine_info usual_engine() {
  docker::engine_info engine;
  engine.storage_driver = "overlay2";
  engine.cgroup_version = "2";
  engine.cgroup_driver = "systemd";
  engine.limits_memory = engine.limits_pids = engine.limits_cpus = true;
  engine.runtimes = {"runc"};
  engine.security_options = {"name=seccomp,profile=default", "name=apparmor"};
  return engine;
}

finding named(const std::vector<finding>& all, const std::string& name) {
  const auto found = std::ranges::find(all, name, &finding::name);
  EXPECT_NE(found, all.end()) << name;
  return found == all.end() ? finding{} : *found;
}

TEST(docker_checks, find_nothing_wrong_with_a_usual_engine) {
  for (const auto& one : judge_engine(usual_engine()))
    EXPECT_EQ(one.state, health::good) << one.name << ": " << one.detail;
}

TEST(docker_checks, name_limits_that_are_not_held) {
  auto engine = usual_engine();
  engine.limits_pids = false;
  const auto limits = named(judge_engine(engine), "docker limits");
  EXPECT_EQ(limits.state, health::limited);
  EXPECT_EQ(limits.detail, "held: memory_mb, cpus; not held: pids");
  EXPECT_NE(limits.hint, "");
}

TEST(docker_checks, say_what_runtimes_and_security_mean) {
  auto engine = usual_engine();
  engine.runtimes = {"nvidia", "runc", "runsc"};
  engine.security_options = {"name=selinux", "name=userns", "name=rootless"};
  engine.storage_driver = "vfs";
  engine.warnings = {"WARNING: No swap limit support"};
  const auto all = judge_engine(engine);
  EXPECT_THAT(named(all, "docker runtimes").detail, HasSubstr("published port"));
  EXPECT_THAT(named(all, "docker runtimes").detail, HasSubstr("enable_gpu"));
  EXPECT_THAT(named(all, "docker selinux").hint, HasSubstr("label=disable"));
  for (const char* name :
       {"docker userns", "docker rootless", "docker seccomp", "docker storage", "docker warning"})
    EXPECT_EQ(named(all, name).state, health::limited) << name;
}

} // namespace
} // namespace sandfleet::cli
