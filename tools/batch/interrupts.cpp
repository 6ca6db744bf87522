#include "tools/batch/interrupts.hpp"

#include <csignal>

namespace sandfleet::batch {

interrupts::interrupts(const boost::asio::any_io_executor& executor,
                       std::function<void(int, int)> on_signal)
    : signals_(executor, SIGINT, SIGTERM), on_signal_(std::move(on_signal)) {
  wait();
}

void interrupts::wait() {
  signals_.async_wait([this](const boost::system::error_code& ended, int signal) {
    if (ended)
      return;
    ++count_;
    constexpr int stages = 2;
    if (count_ < stages)
      wait();
    else
      end();
    on_signal_(signal, count_);
  });
}

void interrupts::end() {
  signals_.clear(); // gives the signals their usual effect back
  signals_.cancel();
}

} // namespace sandfleet::batch
