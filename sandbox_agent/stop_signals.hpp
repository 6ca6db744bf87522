#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <functional>

namespace sandfleet::agent {

/// SIGTERM and SIGINT, as asked of the agent by whoever looks after it. As process 1 of a sandbox
/// it does not obey the processes inside, which could otherwise end it and have that look like the
/// machine's failure. One object at a time.
class stop_signals {
 public:
  explicit stop_signals(boost::asio::io_context& loop);
  ~stop_signals();
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;

  /// Calls `asked` once, at the next signal (also one that has come already).
  void async_wait(std::function<void()> asked);

 private:
  boost::asio::posix::stream_descriptor pipe_;
  std::array<char, 1> byte_{};
};

} // namespace sandfleet::agent
