#include "sandbox_agent/bash/start_process.hpp"

#include "sandbox_agent/user/identity.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <memory>
#include <optional>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace {

std::vector<int>& groups() {
  static std::vector<int> files;
  return files;
}

struct start_context {
  const process_start& what;
  const std::vector<int>& groups;
  const std::optional<identity>& user;
  int failure = 0;
};

// The child runs in our memory while we stand still, as posix_spawn's does, which cannot enter
// groups: it must allocate nothing, and leave nothing changed but `failure`.

bool reset_signals() {
  constexpr std::size_t kernel_sigset = 8;
  constexpr std::array<unsigned long, 4> usual{}; // handler, flags, restorer, mask
  // By system call: the C library keeps two signals to itself.
  for (int number = 1; number < NSIG; ++number)
    ::syscall(SYS_rt_sigaction, number, usual.data(), nullptr, kernel_sigset);
  const unsigned long none = 0;
  return ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kernel_sigset) == 0;
}

bool enter(const start_context& context) {
  for (const int file : context.groups)
    if (::write(file, "0", 1) != 1)
      return false;
  // When memory is short, what was started is to go before the agent, which has to tell of it, and
  // before the machine's own processes. To go later takes privilege, and the agent has none.
  const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  [[maybe_unused]] const auto written = ::write(fd, "500", 3);
  return true;
}

bool take_descriptors(const process_start& what) {
  if (what.terminal) {
    // A session's leader gets the first terminal that it opens.
    const int terminal = ::open(what.terminal, O_RDWR);
    for (const int number : {0, 1, 2})
      if (terminal < 0 || (terminal != number && ::dup2(terminal, number) < 0))
        return false;
  } else {
    const int in = what.in >= 0 ? what.in : ::open("/dev/null", O_RDONLY);
    if (in < 0 || ::dup2(in, 0) < 0 || ::dup2(what.out, 1) < 0 || ::dup2(what.err, 2) < 0)
      return false;
  }
  return ::syscall(SYS_close_range, 3, ~0U, 0) == 0;
}

/// From here on it is closed to us what is closed to the user: the terminal and the directory are
/// taken before, as su does.
bool become_user(const start_context& context) {
  const int failure = context.user ? become(*context.user) : 0;
  errno = failure;
  return failure == 0;
}

__attribute__((no_sanitize("address", "undefined"))) int run_program(void* argument) {
  auto& context = *static_cast<start_context*>(argument);
  const auto& what = context.what;
  if (::setsid() >= 0 && enter(context) && take_descriptors(what) &&
      ::chdir(what.working_dir) == 0 && become_user(context) && reset_signals())
    ::execve(what.program, what.argv, what.environment);
  context.failure = errno;
  ::_exit(127);
}

} // namespace

int start_process(const process_start& what, started_process& into) {
  start_context context{.what = what, .groups = groups(), .user = runs_as()};
  const keep_dumpable guard;
  constexpr std::size_t stack_bytes = 32U << 10;
  const auto stack =
      std::make_unique_for_overwrite<std::max_align_t[]>(stack_bytes / sizeof(std::max_align_t));
  int pidfd = -1;
  // No handler of ours may run in the copy.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::clone(run_program, stack.get() + stack_bytes / sizeof(std::max_align_t),
                            CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &context, &pidfd);
  const int refused = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0)
    return refused;
  unique_fd held(pidfd);
  if (context.failure != 0) {
    ::waitpid(pid, nullptr, 0);
    return context.failure;
  }
  into = {pid, std::move(held)};
  return 0;
}

void enter_groups(std::vector<int> files) {
  groups() = std::move(files);
}

std::vector<char*> exec_list(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const auto& text : texts)
    list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

} // namespace sandfleet::agent
