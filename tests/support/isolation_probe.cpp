// Runs inside a sandbox: tries what a sandbox may and may not ask of the kernel, and prints a line
// "NAME OUTCOME" for each attempt, where OUTCOME is "done" or the name of an errno. The arguments
// are such that nothing happens to the machine where an attempt should succeed.
//
// usage: isolation-probe [--as-user] [COMMAND [ARGUMENT]]
//
// --as-user: first becomes an ordinary user of the sandbox, or says "no-such-user".
// Commands, in place of all attempts: "nothing"; "signal-agent" sends process 1 what would end it;
// "connect-abstract NAME", "connect-path PATH" and "connect-tcp PORT" try to reach a socket.

#include "tests/support/sanitizers.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <initializer_list>
#include <linux/if_alg.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/quota.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

// Newer than the headers of the oldest supported system.
constexpr long statmount_number = 457;
constexpr long open_tree_attr_number = 467;

void tell_error(const std::string& name, int error_number) {
  const char* text = error_number == 0 ? "done" : ::strerrorname_np(error_number);
  std::printf("%s %s\n", name.c_str(), text != nullptr ? text : "?");
  std::fflush(stdout);
}

void tell(const std::string& name, long outcome) {
  tell_error(name, outcome >= 0 ? 0 : errno);
}

/// In a process of its own, which ends with the errno.
template <class Attempt>
void tell_apart(const std::string& name, Attempt attempt) {
  const auto child = ::fork();
  if (child == 0) {
    errno = 0;
    const long outcome = attempt();
    ::_exit(outcome >= 0 ? 0 : errno);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child)
    tell(name, child);
  else if (WIFSIGNALED(status))
    std::printf("%s SIG%s\n", name.c_str(), ::sigabbrev_np(WTERMSIG(status)));
  else
    tell_error(name, WEXITSTATUS(status));
}

void try_mounts() {
  tell("mount", ::mount("none", "/mnt", "tmpfs", 0, nullptr));
  tell("mount.bind", ::mount("/usr", "/mnt", nullptr, MS_BIND, nullptr));
  tell("mount.remount", ::mount(nullptr, "/usr", nullptr, MS_BIND | MS_REMOUNT, nullptr));
  tell("mount.proc", ::mount("proc", "/mnt", "proc", 0, nullptr));
  tell("umount2", ::umount2("/proc/sys", MNT_DETACH));
  tell("pivot_root", ::syscall(SYS_pivot_root, "/", "/"));
  tell("fsopen", ::fsopen("tmpfs", 0));
  tell("fspick", ::fspick(AT_FDCWD, "/tmp", 0));
  tell("open_tree", ::open_tree(AT_FDCWD, "/tmp", OPEN_TREE_CLONE));
  tell("move_mount", ::move_mount(AT_FDCWD, "/proc", AT_FDCWD, "/mnt", 0));
  mount_attr attributes{};
  attributes.attr_clr = MOUNT_ATTR_RDONLY;
  tell("mount_setattr", ::mount_setattr(AT_FDCWD, "/usr", 0, &attributes, sizeof attributes));
  tell("open_tree_attr", ::syscall(open_tree_attr_number, AT_FDCWD, "/tmp", 0, nullptr, 0));
  tell("statmount", ::syscall(statmount_number, nullptr, nullptr, 0, 0));
  tell("fanotify_init", ::syscall(SYS_fanotify_init, 0, O_RDONLY));
  std::array<char, 128> handle{};
  tell("open_by_handle_at", ::syscall(SYS_open_by_handle_at, AT_FDCWD, handle.data(), O_RDONLY));
}

void try_namespaces() {
  struct kind {
    const char* name;
    int flag;
  };
  constexpr std::array kinds = {kind{"user", CLONE_NEWUSER},     kind{"mnt", CLONE_NEWNS},
                                kind{"pid", CLONE_NEWPID},       kind{"net", CLONE_NEWNET},
                                kind{"ipc", CLONE_NEWIPC},       kind{"uts", CLONE_NEWUTS},
                                kind{"cgroup", CLONE_NEWCGROUP}, kind{"time", 0x80}};
  for (const auto& [name, flag] : kinds) {
    const std::string suffix = std::string(".") + name;
    tell_apart("unshare" + suffix, [&] { return ::unshare(flag); });
    if (flag != 0x80)
      tell_apart("clone" + suffix, [&] {
        const long child = ::syscall(SYS_clone, static_cast<long>(flag) | SIGCHLD, 0, 0, 0, 0);
        if (child == 0)
          ::_exit(0);
        return child;
      });
    const int own = ::open(("/proc/self/ns/" + std::string(name)).c_str(), O_RDONLY | O_CLOEXEC);
    if (own >= 0) {
      tell_apart("setns" + suffix, [&] { return ::setns(own, 0); });
      ::close(own);
    }
  }
  std::array<std::uint64_t, 8> arguments{};
  arguments[0] = CLONE_NEWUSER;
  tell("clone3", ::syscall(SYS_clone3, arguments.data(), sizeof arguments));
  tell("sethostname", ::sethostname("changed", 7));
  tell("setdomainname", ::setdomainname("changed", 7));
}

void try_kernel() {
  std::array<char, 256> nothing{};
  tell("keyctl", ::syscall(SYS_keyctl, 0, -3, 0, 0, 0)); // the number of the session keyring
  tell("add_key", ::syscall(SYS_add_key, "user", "probe", "x", 1, -3));
  tell("request_key", ::syscall(SYS_request_key, "user", "probe", nullptr, -3));
  tell("bpf", ::syscall(SYS_bpf, 0, nothing.data(), nothing.size()));
  perf_event_attr event{};
  event.size = sizeof event;
  event.type = PERF_TYPE_SOFTWARE;
  event.exclude_kernel = 1;
  tell("perf_event_open", ::syscall(SYS_perf_event_open, &event, 0, -1, -1, 0));
  tell("userfaultfd", ::syscall(SYS_userfaultfd, O_CLOEXEC | 1)); // user mode only
  io_uring_params ring{};
  tell("io_uring_setup", ::syscall(SYS_io_uring_setup, 1, &ring));
  tell("syslog", ::syscall(SYS_syslog, 10, nullptr, 0));
  tell("init_module", ::syscall(SYS_init_module, nothing.data(), 0, ""));
  tell("finit_module", ::syscall(SYS_finit_module, -1, "", 0));
  tell("delete_module", ::syscall(SYS_delete_module, "no_such_module", O_NONBLOCK));
  tell("kexec_load", ::syscall(SYS_kexec_load, 0, 0, nullptr, ~0UL));
#ifdef SYS_kexec_file_load
  tell("kexec_file_load", ::syscall(SYS_kexec_file_load, -1, -1, 0, nullptr, ~0UL));
#endif
  tell("mbind", ::syscall(SYS_mbind, nullptr, 0, 0, nullptr, 0, 0));
}

void try_machine() {
  const timeval* no_time = nullptr;
  tell("settimeofday", ::syscall(SYS_settimeofday, no_time, nullptr));
  const timespec bad_time{0, -1};
  tell("clock_settime", ::syscall(SYS_clock_settime, CLOCK_REALTIME, &bad_time));
  timex asked{};
  tell("adjtimex", ::syscall(SYS_adjtimex, &asked));
  tell("clock_adjtime", ::syscall(SYS_clock_adjtime, CLOCK_REALTIME, &asked));
  tell("reboot", ::syscall(SYS_reboot, 0, 0, 0, nullptr)); // without the magic numbers
  tell("acct", ::syscall(SYS_acct, "/nowhere/at/all"));
  tell("quotactl", ::syscall(SYS_quotactl, ~0, nullptr, 0, nullptr));
  tell("swapon", ::syscall(SYS_swapon, "/nowhere/at/all", 0));
  tell("swapoff", ::syscall(SYS_swapoff, "/nowhere/at/all"));
#ifdef SYS_ioperm
  tell("ioperm", ::syscall(SYS_ioperm, 0, 1, 1));
  tell("iopl", ::syscall(SYS_iopl, 3));
#endif
  tell("mknod.device", ::mknod("/tmp/probe-device", S_IFCHR | 0600, 0x103));
  tell("personality", ::personality(READ_IMPLIES_EXEC));
}

void try_sockets() {
  tell("socket.vsock", ::socket(AF_VSOCK, SOCK_STREAM, 0));
  tell("socket.alg", ::socket(AF_ALG, SOCK_SEQPACKET, 0));
  tell("socket.packet", ::socket(AF_PACKET, SOCK_RAW, 0));
  tell("socket.bluetooth", ::socket(AF_BLUETOOTH, SOCK_RAW, 0));
  tell("socket.raw", ::socket(AF_INET, SOCK_RAW, 1));
  for (const auto& [name, family] : {std::pair{"unix", AF_UNIX}, std::pair{"inet", AF_INET}})
    tell(std::string("socket.") + name, ::socket(family, SOCK_STREAM, 0));
  tell("socket.netlink", ::socket(AF_NETLINK, SOCK_RAW, 0));
}

/// A child that waits to be looked at.
class subject {
 public:
  subject() : process_(::fork()) {
    if (process_ == 0)
      for (;;)
        ::pause();
  }
  ~subject() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  [[nodiscard]] pid_t id() const { return process_; }

 private:
  pid_t process_;
};

void try_processes() {
  const subject child;
  long value = 0;
  const iovec own{&value, sizeof value};
  const iovec there{&value, sizeof value};
  tell("process_vm_readv.child", ::process_vm_readv(child.id(), &own, 1, &there, 1, 0));
  tell("process_vm_readv.agent", ::process_vm_readv(1, &own, 1, &there, 1, 0));
  tell("ptrace.child", ::ptrace(PTRACE_SEIZE, child.id(), nullptr, nullptr));
  tell("ptrace.agent", ::ptrace(PTRACE_SEIZE, 1, nullptr, nullptr));
  tell("mem.agent", ::open("/proc/1/mem", O_RDWR | O_CLOEXEC));
  tell("fd.agent", ::open("/proc/1/fd/3", O_RDONLY | O_CLOEXEC));
  tell("root.agent", ::open("/proc/1/root/etc", O_RDONLY | O_CLOEXEC));
  tell("environ.agent", ::open("/proc/1/environ", O_RDONLY | O_CLOEXEC));
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, child.id(), 0));
  tell("pidfd_open", pidfd);
  tell("pidfd_getfd", ::syscall(SYS_pidfd_getfd, pidfd, 0, 0));
  tell("process_madvise", ::syscall(SYS_process_madvise, pidfd, &there, 1, MADV_COLD, 0));
  tell("kcmp", ::syscall(SYS_kcmp, ::getpid(), child.id(), 0, 0, 0));
}

void try_other_abis() {
#ifdef __x86_64__
  const auto call_32 = [](long number, long a, long b) {
    long answer = 0;
    asm volatile("int $0x80"
                 : "=a"(answer)
                 : "a"(number), "b"(a), "c"(b), "d"(0)
                 : "memory", "r8", "r9", "r10", "r11");
    const int given = static_cast<int>(answer);
    errno = given < 0 ? -given : 0;
    return given < 0 ? -1L : 0L;
  };
  tell_apart("i386.getpid", [&] { return call_32(20, 0, 0); });
  tell_apart("i386.unshare", [&] { return call_32(310, CLONE_NEWUSER, 0); });
  tell_apart("i386.keyctl", [&] { return call_32(288, 0, -3); });
  tell_apart("i386.clone", [&] { return call_32(120, CLONE_NEWUSER | SIGCHLD, 0); });
  tell_apart("i386.socketcall", [&] { return call_32(102, 1, 0); });
  tell_apart("i386.socket", [&] { return call_32(359, AF_VSOCK, SOCK_STREAM); });
  constexpr long x32 = 0x4000'0000;
  tell("x32.getpid", ::syscall(x32 | SYS_getpid));
  tell("x32.unshare", ::syscall(x32 | SYS_unshare, CLONE_NEWUSER));
#endif
}

void try_ordinary_things() {
  std::thread([] { tell("thread", 0); }).join();
  tell("memfd_create", ::memfd_create("probe", 0));
  tell("personality.asked", ::personality(0xffff'ffff));
  tell("personality.fixed_addresses", ::personality(ADDR_NO_RANDOMIZE));
}

void try_everything() {
  try_mounts();
  try_namespaces();
  try_kernel();
  try_machine();
  try_sockets();
  try_processes();
  try_other_abis();
  try_ordinary_things();
}

void signal_agent() {
  long outcome = 0;
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTERM, SIGKILL, SIGSTOP})
    outcome = std::min<long>(outcome, ::kill(1, number));
  if (!sandfleet::tests::is_sanitized)
    outcome = std::min<long>(outcome, ::kill(1, SIGSEGV));
  tell("kill", outcome);
  // With the sender's number left at 0, as those from outside show.
  siginfo_t forged{};
  forged.si_signo = SIGTERM;
  forged.si_code = SI_QUEUE;
  tell("sigqueue", ::syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, &forged));
}

void try_connecting(std::string_view kind, const std::string& where) {
  int outcome = 0;
  if (kind == "tcp") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(where)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    outcome = ::connect(::socket(AF_INET, SOCK_STREAM, 0),
                        reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t offset = kind == "abstract" ? 1 : 0;
    where.copy(address.sun_path + offset, sizeof address.sun_path - 1 - offset);
    const auto size = offsetof(sockaddr_un, sun_path) + offset + where.size();
    outcome = ::connect(::socket(AF_UNIX, SOCK_STREAM, 0),
                        reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
  }
  tell("connect", outcome);
}

} // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == "--as-user") {
    arguments.erase(arguments.begin());
    if (::setresgid(1000, 1000, 1000) != 0 || ::setresuid(1000, 1000, 1000) != 0) {
      std::puts("no-such-user");
      return 0;
    }
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); // a change of user takes it away
  }
  arguments.resize(2);
  const auto& command = arguments[0];
  if (command.empty())
    try_everything();
  else if (command == "signal-agent")
    signal_agent();
  else if (command.starts_with("connect-"))
    try_connecting(command.substr(std::strlen("connect-")), arguments[1]);
}
