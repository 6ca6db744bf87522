#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <utility>

namespace sandfleet::tests {

/// Runs asynchronous work to its end on the test's own thread.
class one_thread : public ::testing::Test {
 protected:
  template <class T>
  T run(boost::asio::awaitable<T> work) {
    return wait_for(boost::asio::co_spawn(context_, std::move(work), boost::asio::use_future));
  }

  template <class T>
  T wait_for(std::future<T> done) {
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
      context_.run_one();
    return done.get();
  }

  boost::asio::io_context context_;
};

} // namespace sandfleet::tests
