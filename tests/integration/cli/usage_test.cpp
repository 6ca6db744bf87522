#include "tests/integration/cli/batch_fixture.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sandfleet::test {
namespace {

using testing::HasSubstr;
namespace json = boost::json;

/// Each task has all limits, and meets at most the one that it is named after.
std::vector<std::string> tasks() {
  const auto with = [](const std::string& limits) { return R"("resources": {)" + limits + "}"; };
  const std::string wide = R"("cpus": 64, "memory_mb": 256, "pids": 64)";
  return {
      task_line("modest", "echo hello", with(wide)),
      task_line("memory_mb", "head -c 300M /dev/zero | tail -c 300M >/dev/null", with(wide)),
      task_line("pids", "for i in {1..50}; do sleep 1000 & done; wait",
                with(R"("cpus": 64, "memory_mb": 256, "pids": 20)") + R"(, "timeout_s": 1)"),
      task_line("cpus", "timeout 0.5 sh -c 'while :; do :; done'; true",
                with(R"("cpus": 0.1, "memory_mb": 256, "pids": 64)")),
  };
}

TEST(batch_usage, says_what_was_used_and_which_limits_were_met) {
  const batch_files files;
  const auto done = files.run(tasks(), {"--output", "json"});
  EXPECT_EQ(done.status, 1) << done.err;
  const auto results = files.results();
  ASSERT_EQ(results.size(), 4U);
  for (const auto& [limit, state] : results.at("modest").at("limits").as_object())
    if (state != "enforced")
      GTEST_SKIP() << limit << " is not held on this machine: " << state.as_string();
  for (const auto& [id, result] : results) {
    const auto& usage = result.at("usage").as_object();
    EXPECT_GT(usage.at("cpu_seconds").to_number<double>(), 0);
    EXPECT_GT(usage.at("peak_memory_mb").to_number<double>(), 0.5);
    for (const char* limit : {"cpus", "memory_mb", "pids"}) {
      const auto count = result.at("touched").at(limit).to_number<std::int64_t>();
      if (id == limit)
        EXPECT_GT(count, 0) << id;
      else
        EXPECT_EQ(count, 0) << id << " has met " << limit;
    }
  }
  EXPECT_GT(results.at("cpus").at("usage").at("cpu_seconds").to_number<double>(), 0.03);

  const auto& killed = results.at("memory_mb");
  EXPECT_EQ(verdict_class(killed), "agent");
  EXPECT_THAT(std::string(killed.at("verdict").at("cause").as_string()),
              HasSubstr("out of memory"));
  EXPECT_GE(killed.at("verdict").at("evidence").at("oom_kills").to_number<std::int64_t>(), 1);
  EXPECT_NEAR(killed.at("usage").at("peak_memory_mb").to_number<double>(), 256, 2);
  EXPECT_GT(results.at("pids").at("verdict").at("evidence").at("touched_pids").as_int64(), 0);

  const auto noise = json::parse(done.out).at("noise");
  EXPECT_EQ(noise.at("touched_a_limit").at("tasks").as_int64(), 3);
  EXPECT_EQ(noise.at("touched_a_limit").at("share").to_number<double>(), 0.75);
  EXPECT_EQ(noise.at("failures_by_class").at("agent").as_int64(), 2);
  EXPECT_GT(noise.at("queue_seconds").at("p99").to_number<double>(), 0);
}

TEST(batch_usage, is_shown_to_people_too) {
  const batch_files files;
  const auto done = files.run({task_line("a", "true")});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("NOISE"));
  EXPECT_THAT(done.out, HasSubstr("touched a limit  0 of 1 tasks, 0.0 %"));
}

} // namespace
} // namespace sandfleet::test
