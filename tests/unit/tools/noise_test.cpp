#include "tools/batch/noise.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sandfleet::batch {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::string json_of(const noise& found) {
  protocol::json_writer out;
  found.write(out);
  return std::move(out).take();
}

TEST(noise, counts_touched_limits_waits_retries_and_failures) {
  noise found;
  for (int i = 1; i <= 4; ++i) {
    task_result done;
    done.judged.passed = i > 2;
    if (i <= 2)
      done.judged.why.blame = failure_class::agent;
    done.sandbox = i == 1 ? "" : "sb";
    done.seconds.queue = 0.25 * i;
    done.seconds.start = 2.0 * i;
    done.usage.touched = {{"cpus", i == 1 ? 5 : 0}, {"memory_mb", i <= 2 ? 1 : 0}};
    for (int retry = 1; retry < i; ++retry)
      done.retried.push_back({stage::commands, errc::sandbox_lost, "sandbox sb-" + done.sandbox});
    found.add(done);
  }
  EXPECT_THAT(found.rows(),
              ElementsAre(Pair("touched a limit", "2 of 4 tasks, 50.0 % (cpus 1, memory_mb 2)"),
                          Pair("queue wait", "p50 500.0 ms, p99 1.00 s"),
                          Pair("sandbox start", "p50 6.00 s, p99 8.00 s"),
                          Pair("retries", "6 (sandbox_lost at commands 6)"),
                          Pair("failures", "2 (agent 2)")));
  EXPECT_EQ(json_of(found),
            R"({"touched_a_limit":{"tasks":2,"share":0.5,"by_limit":{"cpus":1,"memory_mb":2}},)"
            R"("queue_seconds":{"p50":0.5,"p99":1},"start_seconds":{"p50":6,"p99":8},)"
            R"("retries_by_cause":{"sandbox_lost at commands":6},)"
            R"("failures_by_class":{"agent":2}})");
}

TEST(noise, of_nothing_there_is_none) {
  EXPECT_TRUE(noise().rows().empty());
  EXPECT_THAT(json_of({}), testing::HasSubstr(R"("queue_seconds":{"p50":null,"p99":null})"));
}

} // namespace
} // namespace sandfleet::batch
