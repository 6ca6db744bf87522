#include "runtime/transport/blocking_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace sandfleet::transport {
namespace {

namespace asio = boost::asio;

/// Runs `work` in the pool for a coroutine of `context`, and gives its outcome to `done`.
template <class Work, class Done>
void spawn(asio::io_context& context, blocking_pool& pool, Work work, Done done) {
  asio::co_spawn(context, pool.run(std::move(work)),
                 [done](const std::exception_ptr& thrown, auto outcome) {
                   EXPECT_FALSE(thrown);
                   done(outcome);
                 });
}

TEST(blocking_pool, work_that_blocks_lets_the_callers_thread_go_on) {
  asio::io_context context;
  blocking_pool pool(1);
  std::promise<void> released;
  const auto here = std::this_thread::get_id();
  std::thread::id done_in;
  int answer = 0;
  spawn(
      context, pool, [&] { return released.get_future().get(), std::this_thread::get_id(); },
      [&](std::thread::id where) {
        done_in = where;
        EXPECT_EQ(std::this_thread::get_id(), here);
        answer = 7;
      });
  context.poll(); // the work is handed over and blocks
  EXPECT_EQ(answer, 0);
  released.set_value();
  context.run();
  EXPECT_EQ(answer, 7);
  EXPECT_NE(done_in, here);
}

TEST(blocking_pool, closing_waits_for_what_was_begun_even_when_nobody_takes_the_outcome) {
  asio::io_context context;
  blocking_pool pool(2);
  bool done = false;
  std::promise<void> released;
  spawn(
      context, pool,
      [&] {
        released.get_future().get();
        done = true;
        return 1;
      },
      [](int) {});
  context.poll();
  context.stop();
  released.set_value();
  pool.close();
  EXPECT_TRUE(done);
}

TEST(blocking_pool, once_closed_it_works_right_here) {
  asio::io_context context;
  blocking_pool pool(1);
  pool.close();
  std::thread::id where;
  spawn(
      context, pool, [] { return std::this_thread::get_id(); },
      [&](std::thread::id id) { where = id; });
  context.run();
  EXPECT_EQ(where, std::this_thread::get_id());
}

} // namespace
} // namespace sandfleet::transport
