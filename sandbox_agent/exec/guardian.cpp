#include "sandbox_agent/exec/guardian.hpp"

#include "sandbox_agent/exec/reaper.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::agent {

namespace {

constexpr std::array passed_on{SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCONT};

/// Who kills us may stop all of us first, and be killed before he is done: then the living go on,
/// and end what is left.
void go_on_when_parent_dies() {
  ::prctl(PR_SET_PDEATHSIG, SIGCONT);
}

sigset_t awaited_signals() {
  sigset_t awaited;
  ::sigemptyset(&awaited);
  ::sigaddset(&awaited, SIGCHLD);
  for (const int number : passed_on)
    ::sigaddset(&awaited, number);
  return awaited;
}

/// Nothing is held open for the child but `kept` and standard error.
void let_go_of_descriptors(int kept) {
  constexpr int only = 3;
  if (kept != only) {
    ::dup3(kept, only, O_CLOEXEC);
    ::close(kept);
  }
  ::syscall(SYS_close_range, only + 1, ~0U, 0);
  ::close(STDIN_FILENO);
  ::close(STDOUT_FILENO);
}

/// The status of that child's end; whatever else ends meanwhile is taken too.
int await_end(pid_t child, const sigset_t& awaited) {
  for (;;) {
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0)
      if (ended == child)
        return status;
    const int number = ::sigwaitinfo(&awaited, nullptr);
    if (number > 0 && number != SIGCHLD)
      ::kill(child, number);
  }
}

[[noreturn]] void end_as(int status) {
  if (WIFSIGNALED(status)) {
    const rlimit none{}; // the child's is the core to look at
    ::setrlimit(RLIMIT_CORE, &none);
    sigset_t nothing;
    ::sigemptyset(&nothing);
    ::signal(WTERMSIG(status), SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &nothing, nullptr);
    ::kill(::getpid(), WTERMSIG(status));
  }
  ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

} // namespace

result<int> begin_guarded(const std::function<void()>& clean_up) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(errno_error(errc::start_failed, "cannot open a pipe", errno));
  const auto awaited = awaited_signals();
  sigset_t before;
  ::sigprocmask(SIG_BLOCK, &awaited, &before);
  ::signal(SIGCHLD, SIG_DFL); // who ignores it is told of no end
  const pid_t child = ::fork();
  if (child < 0)
    return fail(errno_error(errc::start_failed, "cannot start a process", errno));
  if (child == 0) {
    go_on_when_parent_dies();
    ::setpgid(0, 0);
    ::close(ends[1]);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    return ends[0];
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  go_on_when_parent_dies();
  let_go_of_descriptors(ends[1]);
  const int status = await_end(child, awaited);
  clean_up();
  kill_everything();
  end_as(status);
}

} // namespace sandfleet::agent
