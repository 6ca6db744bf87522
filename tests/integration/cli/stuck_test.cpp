#include "runtime/core/test_stop.hpp"
#include "tests/integration/cli/batch_fixture.hpp"
#include "tests/integration/cli/sudden_death.hpp"

#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>

/// A sandbox that does not go on is no other one's business.
namespace sandfleet::test {
namespace {

namespace stage = core::test_stage;

constexpr std::string_view in_command = "in_command";
constexpr int quick_tasks = 30;
constexpr int free_places = 3;

/// Seconds from the batch's beginning to the last quick task's end.
double end_of_quick_tasks(const batch_files& files) {
  double last = 0;
  for (const auto& [id, result] : files.results()) {
    if (!id.starts_with("quick"))
      continue;
    EXPECT_TRUE(result.at("passed").as_bool());
    double end = 0;
    for (const char* phase : {"queue", "start", "setup", "run", "stop"})
      end += result.at("seconds").at(phase).to_number<double>();
    last = std::max(last, end);
  }
  return last;
}

class stuck_sandbox : public testing::TestWithParam<std::string_view> {
 protected:
  static std::vector<std::string> lines(bool with_stuck_one) {
    std::vector<std::string> all;
    if (with_stuck_one)
      all.push_back(task_line(
          "stuck", GetParam() == in_command ? "echo > /shared/stuck; cat /shared/go" : "true"));
    for (int i = 1; i < quick_tasks; ++i)
      all.push_back(task_line("quick" + std::to_string(i), "true"));
    all.push_back(task_line("quick" + std::to_string(quick_tasks), "echo > /shared/done"));
    return all;
  }

  /// With a place that is taken from the beginning to the end, or without it.
  static double measure(bool with_stuck_one) {
    const batch_files files;
    for (const char* pipe : {"stuck", "go", "done"})
      files.make_pipe(pipe);
    auto around = files.around();
    stop_point stop(files.shared("stop"));
    if (with_stuck_one && GetParam() != in_command)
      around.environment["SANDFLEET_TEST_STOP_AT"] =
          std::string(GetParam()) + ":" + files.shared("stop");
    const int places = free_places + (with_stuck_one ? 1 : 0);
    running batch(files.words(lines(with_stuck_one), {"--concurrency", std::to_string(places),
                                                      "--set", "max_parallel_starts=4"}),
                  around);
    if (with_stuck_one && GetParam() == in_command)
      files.await_pipe("stuck");
    else if (with_stuck_one && stop.await() == 0)
      ADD_FAILURE() << "nobody came to the stage";
    files.await_pipe("done");
    stop.release();
    if (with_stuck_one && GetParam() == in_command)
      std::ofstream(files.shared("go")) << "on\n";
    const auto done = batch.wait();
    EXPECT_EQ(done.status, 0) << done.err;
    return end_of_quick_tasks(files);
  }
};

TEST_P(stuck_sandbox, delays_no_other) {
  constexpr int rounds = 3;
  auto alone = std::numeric_limits<double>::max();
  auto beside = alone;
  for (int i = 0; i < rounds; ++i) {
    alone = std::min(alone, measure(false));
    beside = std::min(beside, measure(true));
  }
  RecordProperty("alone_s", std::to_string(alone));
  RecordProperty("beside_s", std::to_string(beside));
  // What is found here is waiting by seconds, not the tenths by which runs differ.
  EXPECT_LT(beside, 2 * alone);
}

INSTANTIATE_TEST_SUITE_P(at, stuck_sandbox,
                         testing::Values(stage::launcher_began, stage::launcher_cloned,
                                         stage::init_released, in_command, stage::launcher_ended,
                                         stage::launcher_removed),
                         [](const auto& row) { return std::string(row.param); });

} // namespace
} // namespace sandfleet::test
