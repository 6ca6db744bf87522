#include "tools/batch/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sandfleet::batch {
namespace {

task_result ended(bool passed, std::optional<failure_class> blame, double start,
                  unsigned attempts = 1) {
  task_result done;
  done.judged.passed = passed;
  done.judged.why.blame = blame;
  done.sandbox = "sb";
  done.seconds.start = start;
  done.attempts = attempts;
  return done;
}

TEST(summary, counts_by_class_and_gives_quantiles) {
  summary account;
  account.tasks = 105;
  account.earlier = 2;
  account.earlier_passed = 1;
  account.bad_lines = 1;
  account.seconds = 10;
  for (int i = 1; i <= 100; ++i)
    account.add(ended(i > 3, i > 3 ? std::nullopt : std::optional(failure_class::agent),
                      static_cast<double>(i) / 1000));
  account.add(ended(false, failure_class::infrastructure, 0.001, 3));
  EXPECT_EQ(account.passed(), 98U);
  EXPECT_EQ(account.failed(), 5U);
  EXPECT_EQ(account.not_run(), 2U);
  EXPECT_EQ(account.to_json("r.jsonl"),
            R"({"tasks":105,"passed":98,"failed":5,"not_run":2,"bad_lines":1,"earlier":2,)"
            R"("failed_by_class":{"agent":3,"infrastructure":1},"attempts_made_again":2,)"
            R"("seconds":10,"sandboxes_per_second":10.1,)"
            R"("start_seconds":{"p50":0.05,"p99":0.099},)"
            R"("noise":{"touched_a_limit":{"tasks":0,"share":0,"by_limit":{}},)"
            R"("queue_seconds":{"p50":0,"p99":0},"start_seconds":{"p50":0.05,"p99":0.099},)"
            R"("retries_by_cause":{},"failures_by_class":{"agent":3,"infrastructure":1}},)"
            R"("interrupted":false,)"
            R"("results":"r.jsonl"})");
  EXPECT_THAT(account.rows(), testing::Contains(testing::Pair(
                                  "failed", "5 (agent 3, infrastructure 1, earlier run 1)")));
}

TEST(summary, a_batch_in_which_nothing_ran_has_no_figures) {
  summary account;
  account.tasks = 1;
  account.earlier = 1;
  account.earlier_passed = 1;
  EXPECT_THAT(account.to_json("r"), testing::HasSubstr(R"("p50":null)"));
  EXPECT_EQ(account.rows().front().second, "1 of 1 (1 of them in an earlier run)");
}

} // namespace
} // namespace sandfleet::batch
