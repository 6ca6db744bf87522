#include "tests/integration/cli/batch_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <memory>

namespace sandfleet::test {
namespace {

using testing::HasSubstr;

struct interruption {
  const char* name;
  int signal;
  int status;
};

void PrintTo(const interruption& by, std::ostream* out) {
  *out << by.name;
}

class batch_interrupted : public testing::TestWithParam<interruption> {
 protected:
  batch_interrupted() {
    files_.make_pipe("ready");
    files_.make_pipe("go");
  }

  /// A batch whose second task runs and waits for `let_go`.
  std::unique_ptr<running> begun(const surroundings& around) {
    auto batch = std::make_unique<running>(files_.words(lines(), {"--concurrency", "1"}), around);
    files_.await_pipe("ready");
    return batch;
  }

  static std::vector<std::string> lines() {
    return {task_line("before", "true"), task_line("a", "echo > /shared/ready; cat /shared/go"),
            task_line("b", "true")};
  }

  void let_go() const { std::ofstream(files_.shared("go")) << "gone on\n"; }

  batch_files files_;
};

TEST_P(batch_interrupted, once_lets_running_tasks_end) {
  const auto batch = begun(files_.around());
  batch->send_signal(GetParam().signal);
  let_go();
  const auto done = batch->wait();
  EXPECT_EQ(done.status, GetParam().status) << done.err;
  const auto results = files_.results();
  ASSERT_EQ(results.size(), 2U);
  EXPECT_TRUE(results.at("a").at("passed").as_bool());
  EXPECT_THAT(done.out, HasSubstr("not run"));
}

TEST_P(batch_interrupted, twice_kills_and_the_next_run_goes_on) {
  const auto batch = begun(files_.around());
  batch->send_signal(GetParam().signal);
  batch->read_errors_until("interrupted: 1 running tasks may end");
  batch->send_signal(GetParam().signal);
  const auto done = batch->wait();
  EXPECT_EQ(done.status, GetParam().status) << done.err;
  EXPECT_THAT(done.err, HasSubstr("killing 1 running tasks"));
  EXPECT_EQ(files_.results().size(), 1U) << "of the task before";
  const auto next =
      files_.run({task_line("before", "false"), task_line("a", "true"), task_line("b", "true")});
  EXPECT_EQ(next.status, 0) << next.err;
  EXPECT_EQ(files_.results().size(), 3U);
}

TEST_P(batch_interrupted, what_was_ignored_from_the_beginning_stays_so) {
  auto around = files_.around();
  around.ignored_signals = {GetParam().signal};
  const auto batch = begun(around);
  batch->send_signal(GetParam().signal);
  let_go();
  const auto done = batch->wait();
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_EQ(files_.results().size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(by, batch_interrupted,
                         testing::Values(interruption{"int", SIGINT, 130},
                                         interruption{"term", SIGTERM, 143},
                                         interruption{"hup", SIGHUP, 129}),
                         [](const auto& row) { return row.param.name; });

} // namespace
} // namespace sandfleet::test
