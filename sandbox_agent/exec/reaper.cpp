#include "sandbox_agent/exec/reaper.hpp"

#include "sandbox_agent/exec/children.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <csignal>
#include <set>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::agent {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

bool is_zombie(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid;
}

void take(pid_t pid) {
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
}

} // namespace

struct reaper::impl : std::enable_shared_from_this<reaper::impl> {
  impl(const asio::any_io_executor& executor, std::function<bool(pid_t)> shells)
      : is_shell(std::move(shells)), signals(executor, SIGCHLD), second_look(executor) {}

  void watch() {
    signals.async_wait([self = shared_from_this()](error_code ec, int) {
      if (ec)
        return;
      self->scan();
      self->watch();
    });
  }

  void scan() {
    bool doubtful = false;
    for (const auto pid : list_children()) {
      if (is_claimed(pid) || is_shell(pid) || !is_zombie(pid))
        continue;
      // One that leads a session may be a component's own that has not said so yet, or no longer
      // does: its pidfd is ready by now, so its owner comes first when there is one.
      if (::getsid(pid) != pid) {
        take(pid);
      } else {
        doubted.insert(pid);
        doubtful = true;
      }
    }
    if (!doubtful || looking)
      return;
    looking = true;
    second_look.expires_after(std::chrono::milliseconds(50));
    second_look.async_wait([self = shared_from_this()](error_code ec) {
      self->looking = false;
      if (!ec)
        self->take_doubted();
    });
  }

  void take_doubted() {
    for (const auto pid : std::exchange(doubted, {})) {
      if (!is_claimed(pid) && !is_shell(pid))
        take(pid);
    }
  }

  std::function<bool(pid_t)> is_shell;
  asio::signal_set signals;
  asio::steady_timer second_look;
  std::set<pid_t> doubted;
  bool looking = false;
};

reaper::reaper(const asio::any_io_executor& executor, std::function<bool(pid_t)> is_shell)
    : impl_(std::make_shared<impl>(executor, std::move(is_shell))) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  impl_->watch();
  impl_->scan(); // what ended before the signal was watched
}

reaper::~reaper() {
  error_code ignored;
  impl_->signals.cancel(ignored);
  impl_->second_look.cancel();
}

} // namespace sandfleet::agent
