#include "sandbox_agent/bash/pty.hpp"

#include "sandbox_agent/bash/start_process.hpp"
#include "sandbox_agent/user/identity.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

unique_fd& unique_fd::operator=(unique_fd&& other) noexcept {
  if (this != &other) {
    unique_fd old(std::exchange(fd_, other.release()));
  }
  return *this;
}

unique_fd::~unique_fd() {
  if (fd_ >= 0)
    ::close(fd_);
}

int unique_fd::release() {
  return std::exchange(fd_, -1);
}

namespace {

void prepare_terminal(int master, const pty_spec& spec) {
  winsize size{};
  size.ws_col = static_cast<unsigned short>(spec.columns);
  size.ws_row = static_cast<unsigned short>(spec.rows);
  ::ioctl(master, TIOCSWINSZ, &size);
  termios modes{};
  if (::tcgetattr(master, &modes) != 0)
    return;
  modes.c_iflag |= IUTF8;
  if (!spec.echo)
    modes.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(master, TCSANOW, &modes);
}

} // namespace

void set_echo(int master, bool on) {
  termios modes{};
  if (::tcgetattr(master, &modes) != 0)
    return;
  const auto before = modes.c_lflag;
  modes.c_lflag = on ? modes.c_lflag | ECHO : modes.c_lflag & ~static_cast<tcflag_t>(ECHO);
  if (modes.c_lflag != before)
    ::tcsetattr(master, TCSANOW, &modes);
}

result<pty_process> spawn_on_pty(const pty_spec& spec) {
  struct stat found {};
  if (spec.working_dir.find('\0') != std::string::npos ||
      ::stat(spec.working_dir.c_str(), &found) != 0 || !S_ISDIR(found.st_mode))
    return fail(make_error(errc::not_found, "cannot start a shell in " + spec.working_dir)
                    .with_cause("no such directory"));

  pty_process out;
  out.master = unique_fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  char name[64];
  if (out.master.get() < 0 || ::grantpt(out.master.get()) != 0 ||
      ::unlockpt(out.master.get()) != 0 || ::ptsname_r(out.master.get(), name, sizeof name) != 0)
    return fail(errno_error(errc::start_failed, "cannot open a pseudo terminal", errno)
                    .with_hint("is /dev/pts mounted?"));
  prepare_terminal(out.master.get(), spec);
  // Else programs could not open it again, as /dev/stdout does.
  if (const auto& user = runs_as(); user && ::chown(name, user->uid, static_cast<gid_t>(-1)) != 0)
    errno = 0;

  process_start what;
  const auto argv = exec_list(spec.argv);
  const auto environment = exec_list(spec.environment);
  what.program = spec.program.c_str();
  what.argv = argv.data();
  what.environment = environment.data();
  what.working_dir = spec.working_dir.c_str();
  what.terminal = name;
  started_process started;
  if (const int failure = start_process(what, started))
    return fail(errno_error(errc::start_failed,
                            "cannot start " + spec.program + " in " + spec.working_dir, failure));
  out.pid = started.pid;
  out.pidfd = std::move(started.pidfd);
  return out;
}

process_end reap(pid_t pid) {
  int status = 0;
  pid_t got = 0;
  do
    got = ::waitpid(pid, &status, WNOHANG);
  while (got < 0 && errno == EINTR);
  if (got != pid)
    return {};
  if (WIFSIGNALED(status))
    return {128 + WTERMSIG(status), WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

} // namespace sandfleet::agent
