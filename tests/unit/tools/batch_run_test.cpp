#include "tests/unit/tools/fake_sandbox.hpp"
#include "tools/batch/batch_run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sandfleet::batch {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

class batch_running : public testing::Test {
 protected:
  batch_running()
      : source(world), runner(source, world.time, {}),
        batch(
            runner, [this] { return next(); },
            [this](const task_result& done) { return keep(done); }) {}

  void add(const std::string& id, const std::string& command) {
    task work;
    work.id = id;
    work.commands = {command};
    tasks.push_back(std::move(work));
  }

  result<std::optional<task>> next() {
    if (supply_failure)
      return fail(*supply_failure);
    if (tasks.empty())
      return std::nullopt;
    auto work = std::move(tasks.front());
    tasks.pop_front();
    ++taken;
    return work;
  }

  result<void> keep(const task_result& done) {
    kept.push_back(done.id);
    if (keep_failure)
      return fail(*keep_failure);
    return {};
  }

  void start(std::size_t concurrency) {
    boost::asio::co_spawn(context, batch.run(concurrency),
                          [this](std::exception_ptr thrown, result<void> ended) {
                            if (thrown)
                              std::rethrow_exception(thrown);
                            outcome = std::move(ended);
                          });
  }

  // Until nothing can go on without an event from outside.
  void settle() {
    context.restart();
    while (context.poll() > 0) {
    }
  }

  fake_world world;
  fake_source source;
  boost::asio::io_context context;
  task_runner runner;
  batch_run batch;
  std::deque<task> tasks;
  std::size_t taken = 0;
  std::vector<std::string> kept;
  std::optional<error> supply_failure;
  std::optional<error> keep_failure;
  std::optional<result<void>> outcome;
};

TEST_F(batch_running, runs_every_task_once) {
  for (int i = 0; i < 100; ++i)
    add(std::to_string(i), "say x");
  start(7);
  settle();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(*outcome);
  EXPECT_EQ(kept.size(), 100U);
  EXPECT_LE(world.most_alive, 7);
  EXPECT_EQ(world.alive, 0);
}

TEST_F(batch_running, takes_no_more_tasks_than_it_runs) {
  for (int i = 0; i < 50; ++i)
    add(std::to_string(i), "hang");
  start(3);
  settle();
  EXPECT_EQ(taken, 3U);
  EXPECT_EQ(world.alive, 3);
  EXPECT_EQ(batch.running(), 3U);
  EXPECT_FALSE(outcome);
  batch.kill();
  settle();
  EXPECT_TRUE(outcome);
}

TEST_F(batch_running, one_stuck_task_delays_no_other) {
  add("stuck", "hang");
  for (int i = 0; i < 20; ++i)
    add(std::to_string(i), "say x");
  start(2);
  settle();
  EXPECT_EQ(kept.size(), 20U);
  EXPECT_FALSE(outcome);
  world.hanging.at(0)->cancel();
  settle();
  EXPECT_TRUE(outcome);
  EXPECT_EQ(kept.back(), "stuck");
}

TEST_F(batch_running, draining_lets_running_tasks_end) {
  add("a", "hang");
  add("b", "hang");
  add("c", "say never");
  start(2);
  settle();
  batch.drain();
  settle();
  EXPECT_FALSE(outcome);
  while (!world.hanging.empty()) {
    world.hanging.front()->cancel();
    settle();
  }
  EXPECT_TRUE(outcome);
  EXPECT_THAT(kept, UnorderedElementsAre("a", "b"));
  EXPECT_EQ(tasks.size(), 1U);
}

TEST_F(batch_running, killing_stops_every_sandbox_and_keeps_no_half_result) {
  add("done", "say x");
  add("a", "hang");
  add("b", "hang");
  start(2);
  settle();
  batch.drain();
  batch.kill();
  settle();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(*outcome);
  EXPECT_THAT(kept, ElementsAre("done"));
  EXPECT_EQ(world.alive, 0);
}

TEST_F(batch_running, a_result_that_cannot_be_kept_ends_the_batch) {
  keep_failure = make_error(errc::io_error, "disk full");
  add("a", "hang");
  add("b", "say x");
  add("c", "say never");
  start(2);
  settle();
  ASSERT_TRUE(outcome);
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().message, "disk full");
  EXPECT_EQ(world.alive, 0);
  EXPECT_EQ(tasks.size(), 1U);
}

TEST_F(batch_running, a_supply_that_fails_ends_the_batch) {
  supply_failure = make_error(errc::io_error, "unreadable");
  start(2);
  settle();
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(*outcome);
}

TEST_F(batch_running, an_empty_batch_ends_at_once) {
  start(3);
  settle();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(*outcome);
}

} // namespace
} // namespace sandfleet::batch
