// Stands in for sandfleet-launcher where a test is about what an end at any moment leaves: becomes
// the real launcher, traced by a process that at one step kills it or the sandbox's first process,
// or has that step fail. A step is a system call that makes or takes away something.
//
// The environment says when: INTERRUPT_WHO is "launcher" or "child" (the sandbox's first process,
// until it becomes the agent), INTERRUPT_STEP a number from 1, INTERRUPT_ERRNO the failure's
// number, or 0 to kill. When it happens the file INTERRUPT_REPORT is made, holding the system
// call's number. Only for x86_64.

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <string>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reg.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr std::array steps = {
    SYS_bind,      SYS_capset,  SYS_chdir,       SYS_chmod,         SYS_chown,       SYS_clone,
    SYS_clone3,    SYS_dup2,    SYS_execve,      SYS_fchdir,        SYS_fchmodat,    SYS_fcntl,
    SYS_fsconfig,  SYS_fsmount, SYS_fsopen,      SYS_ioctl,         SYS_keyctl,      SYS_kill,
    SYS_listen,    SYS_mkdir,   SYS_mount,       SYS_mount_setattr, SYS_move_mount,  SYS_open_tree,
    SYS_openat,    SYS_pipe2,   SYS_pivot_root,  SYS_poll,          SYS_prctl,       SYS_rename,
    SYS_rmdir,     SYS_seccomp, SYS_sethostname, SYS_setresgid,     SYS_setresuid,   SYS_setsid,
    SYS_signalfd4, SYS_socket,  SYS_symlink,     SYS_umount2,       SYS_unlink,      SYS_unlinkat,
    SYS_unshare,   SYS_vfork,   SYS_wait4,       SYS_write,         SYS_close_range, SYS_fsetxattr};

/// Steps without which a program waits for ever: they do not fail in nature.
constexpr std::array unfailing = {SYS_poll, SYS_wait4, SYS_fcntl, SYS_kill, SYS_vfork};

bool is_in(const auto& numbers, std::uint64_t number) {
  return std::ranges::find(numbers, static_cast<long>(number)) != numbers.end();
}

long from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atol(text) : 0;
}

class tracer {
 public:
  explicit tracer(pid_t launcher)
      : launcher_(launcher), wants_child_(std::strcmp(std::getenv("INTERRUPT_WHO"), "child") == 0),
        step_(from_environment("INTERRUPT_STEP")),
        error_number_(static_cast<int>(from_environment("INTERRUPT_ERRNO"))) {}

  /// Writes a byte to `attached` when it follows the launcher; returns when nobody is left to
  /// follow.
  void run(int attached) {
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;
    if (wants_child_)
      options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK;
    if (::ptrace(PTRACE_SEIZE, launcher_, nullptr, options) != 0 ||
        ::ptrace(PTRACE_INTERRUPT, launcher_, nullptr, nullptr) != 0)
      return;
    (void)!::write(attached, "a", 1);
    ::close(attached);
    int status = 0;
    pid_t who = 0;
    while ((who = ::waitpid(-1, &status, __WALL)) > 0)
      if (WIFSTOPPED(status))
        on_stop(who, status);
  }

 private:
  void on_stop(pid_t who, int status) {
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (signal == (SIGTRAP | 0x80))
      on_system_call(who);
    else if (event == PTRACE_EVENT_EXEC)
      on_exec(who);
    else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_CLONE ||
             event == PTRACE_EVENT_VFORK)
      on_child();
    else
      go_on(who, event != 0 ? 0 : signal);
  }

  void on_system_call(pid_t who) {
    __ptrace_syscall_info info{};
    ::ptrace(PTRACE_GET_SYSCALL_INFO, who, sizeof info, &info);
    if (fails_ && info.op == PTRACE_SYSCALL_INFO_EXIT) {
      ::ptrace(PTRACE_POKEUSER, who, sizeof(long) * RAX, static_cast<long>(-error_number_));
      ::ptrace(PTRACE_DETACH, who, nullptr, nullptr);
      return;
    }
    const auto number = info.entry.nr;
    const bool counts = info.op == PTRACE_SYSCALL_INFO_ENTRY && has_begun_ &&
                        who == (wants_child_ ? child_ : launcher_) && is_in(steps, number) &&
                        (error_number_ == 0 || !is_in(unfailing, number));
    if (counts && --step_ == 0)
      interrupt(who, number);
    else
      go_on(who);
  }

  void interrupt(pid_t who, std::uint64_t number) {
    const int report =
        ::open(std::getenv("INTERRUPT_REPORT"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ::dprintf(report, "%llu\n", static_cast<unsigned long long>(number));
    ::close(report);
    if (error_number_ == 0) {
      ::kill(who, SIGKILL);
      return;
    }
    fails_ = true;
    ::ptrace(PTRACE_POKEUSER, who, sizeof(long) * ORIG_RAX, -1L);
    go_on(who);
  }

  void on_exec(pid_t who) {
    has_begun_ = true;
    if (who == child_)
      ::ptrace(PTRACE_DETACH, who, nullptr, nullptr); // the agent
    else
      go_on(who);
  }

  /// The launcher is let go: a traced one could not run newuidmap.
  void on_child() {
    unsigned long made = 0;
    ::ptrace(PTRACE_GETEVENTMSG, launcher_, nullptr, &made);
    child_ = static_cast<pid_t>(made);
    ::ptrace(PTRACE_DETACH, launcher_, nullptr, nullptr);
  }

  static void go_on(pid_t who, int signal = 0) {
    ::ptrace(PTRACE_SYSCALL, who, nullptr, static_cast<long>(signal));
  }

  pid_t launcher_;
  pid_t child_ = -1;
  bool wants_child_;
  bool has_begun_ = false;
  bool fails_ = false;
  long step_;
  int error_number_;
};

/// Not a child of the launcher, and holding nothing that it was given.
void start_tracer(int attached) {
  const auto launcher = ::getpid();
  const auto between = ::fork();
  if (between != 0) {
    ::waitpid(between, nullptr, 0);
    return;
  }
  if (::fork() == 0) {
    ::setsid();
    ::dup2(attached, 3);
    ::close_range(4, ~0U, 0);
    const int null = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2})
      ::dup2(null, fd);
    tracer(launcher).run(3);
  }
  ::_exit(0);
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--args") == 0 && from_environment("INTERRUPT_STEP") > 0) {
    int attached[2];
    if (::pipe2(attached, O_CLOEXEC) != 0)
      return 1;
    ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    start_tracer(attached[1]);
    ::close(attached[1]);
    char byte = 0;
    (void)!::read(attached[0], &byte, 1);
    ::close(attached[0]);
  }
  ::execv(LAUNCHER, argv);
  return 127;
}
