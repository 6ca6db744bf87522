#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/signal_set.hpp>

#include <functional>

namespace sandfleet::batch {

/// Calls `on_signal` for the first and the second SIGINT, SIGTERM or SIGHUP with the signal's
/// number and how many have come. A third one ends the process, as if nobody watched. One that was
/// ignored when the process began stays so. Used on the executor alone.
class interrupts {
 public:
  interrupts(const boost::asio::any_io_executor& executor,
             std::function<void(int signal, int count)> on_signal);

  void end();

 private:
  void wait();

  boost::asio::signal_set signals_;
  std::function<void(int, int)> on_signal_;
  int count_ = 0;
};

} // namespace sandfleet::batch
