#include "sandbox_agent/stop_signals.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace {

std::atomic<int> write_end = -1;
static_assert(std::atomic<int>::is_always_lock_free, "used by a signal handler");

/// The kernel shows a sender outside this pid namespace as 0. Only what kill(2) sent counts: the
/// number that comes with other kinds is the sender's own word.
bool is_obeyed(const siginfo_t& info) {
  return ::getpid() != 1 || (info.si_code == SI_USER && info.si_pid == 0);
}

void on_signal(int /*number*/, siginfo_t* info, void* /*context*/) {
  const int kept = errno;
  if (is_obeyed(*info))
    (void)!::write(write_end, "s", 1);
  errno = kept;
}

void handle_with(void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action {};
  action.sa_flags = SA_RESTART;
  if (handler != nullptr) {
    action.sa_flags |= SA_SIGINFO;
    action.sa_sigaction = handler;
  }
  for (const int number : {SIGTERM, SIGINT})
    ::sigaction(number, &action, nullptr);
}

} // namespace

stop_signals::stop_signals(boost::asio::io_context& loop) : pipe_(loop) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    return; // signals have their usual effect then
  pipe_.assign(ends[0]);
  write_end = ends[1];
  handle_with(on_signal);
}

stop_signals::~stop_signals() {
  if (!pipe_.is_open())
    return;
  handle_with(nullptr);
  ::close(write_end.exchange(-1));
}

void stop_signals::async_wait(std::function<void()> asked) {
  if (!pipe_.is_open())
    return;
  pipe_.async_read_some(
      boost::asio::buffer(byte_),
      [asked = std::move(asked)](const boost::system::error_code& ec, std::size_t) {
        if (!ec)
          asked();
      });
}

} // namespace sandfleet::agent
