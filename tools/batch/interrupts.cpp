#include "tools/batch/interrupts.hpp"

#include <csignal>

namespace sandfleet::batch {

namespace {

// As nohup(1) leaves SIGHUP, and a shell without job control the SIGINT of what it runs behind.
bool was_ignored(int number) {
  struct sigaction found {};
  return ::sigaction(number, nullptr, &found) == 0 && found.sa_handler == SIG_IGN;
}

} // namespace

interrupts::interrupts(const boost::asio::any_io_executor& executor,
                       std::function<void(int, int)> on_signal)
    : signals_(executor), on_signal_(std::move(on_signal)) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP})
    if (!was_ignored(number))
      signals_.add(number);
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
