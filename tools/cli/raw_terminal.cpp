#include "tools/cli/raw_terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::cli {

namespace {

struct modes {
  termios usual{};
  termios raw{};
};

bool same(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag &&
         a.c_lflag == b.c_lflag && std::memcmp(a.c_cc, b.c_cc, sizeof a.c_cc) == 0;
}

/// Waits for the end of the program. What the shell, or whoever came after it, has done to the
/// terminal by then stays.
[[noreturn]] void guard(int lifeline, const modes& both) {
  ::prctl(PR_SET_NAME, "sandfleet-tty");
  for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGTTOU, SIGTTIN})
    ::signal(number, SIG_IGN);
  ::dup2(lifeline, STDOUT_FILENO);
  ::syscall(SYS_close_range, STDERR_FILENO, ~0U, 0);
  char byte = 0;
  while (::read(STDOUT_FILENO, &byte, 1) < 0 && errno == EINTR) {
  }
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) == 0 && same(now, both.raw))
    ::tcsetattr(STDIN_FILENO, TCSANOW, &both.usual);
  ::_exit(0);
}

} // namespace

struct raw_terminal::impl {
  ~impl() {
    if (lifeline >= 0)
      ::close(lifeline);
    // It sees the end of its lifeline and goes.
    if (guardian > 0)
      while (::waitpid(guardian, nullptr, 0) < 0 && errno == EINTR) {
      }
  }

  modes both;
  bool is_raw = false;
  int lifeline = -1;
  pid_t guardian = -1;
};

result<raw_terminal> raw_terminal::prepare() {
  auto made = std::make_unique<impl>();
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1 ||
      ::tcgetattr(STDIN_FILENO, &made->both.usual) != 0)
    return fail(make_error(errc::unsupported, "standard input and output are no terminal")
                    .with_hint("'sandfleet exec' and 'sandfleet run' work without one"));
  made->both.raw = made->both.usual;
  ::cfmakeraw(&made->both.raw);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(errno_error(errc::io_error, "cannot open a pipe", errno));
  made->guardian = ::fork();
  if (made->guardian == 0) {
    ::close(ends[1]);
    guard(ends[0], made->both);
  }
  ::close(ends[0]);
  made->lifeline = ends[1];
  return raw_terminal(std::move(made));
}

raw_terminal::raw_terminal(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
raw_terminal::raw_terminal(raw_terminal&&) noexcept = default;

raw_terminal::~raw_terminal() {
  if (impl_)
    restore();
}

void raw_terminal::make_raw() {
  impl_->is_raw = true;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &impl_->both.raw);
}

void raw_terminal::restore() {
  if (std::exchange(impl_->is_raw, false))
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &impl_->both.usual);
}

window_size raw_terminal::size() {
  window_size cells;
  winsize found{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) == 0 && found.ws_row > 0 && found.ws_col > 0)
    cells = {found.ws_row, found.ws_col};
  return cells;
}

} // namespace sandfleet::cli
