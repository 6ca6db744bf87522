#include "sandbox_agent/launcher/syscall_filter.hpp"
#include "sandbox_agent/launcher/syscall_filter/policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <string>
#include <vector>

namespace sandfleet::launcher {
namespace {

constexpr int allowed = 0;
constexpr int unclear = -1;
constexpr int no_such_call = -2; ///< on that architecture

/// What the kernel would do: 0 for letting the call happen, else the errno that it is answered.
int answer(const seccomp_data& call) {
  const auto filter = syscall_filter();
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < filter.size(); ++at) {
    const auto& step = filter[at];
    const auto jump = [&](bool condition) { at += condition ? step.jt : step.jf; };
    switch (step.code) { // what libseccomp makes use of
    case BPF_LD | BPF_W | BPF_ABS:
      if (step.k + sizeof a > sizeof call)
        return unclear;
      std::memcpy(&a, reinterpret_cast<const char*>(&call) + step.k, sizeof a);
      break;
    case BPF_ALU | BPF_AND | BPF_K:
      a &= step.k;
      break;
    case BPF_JMP | BPF_JA:
      at += step.k;
      break;
    case BPF_JMP | BPF_JEQ | BPF_K:
      jump(a == step.k);
      break;
    case BPF_JMP | BPF_JGT | BPF_K:
      jump(a > step.k);
      break;
    case BPF_JMP | BPF_JGE | BPF_K:
      jump(a >= step.k);
      break;
    case BPF_JMP | BPF_JSET | BPF_K:
      jump((a & step.k) != 0);
      break;
    case BPF_RET | BPF_K:
      if (step.k == SECCOMP_RET_ALLOW)
        return allowed;
      if ((step.k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
        return static_cast<int>(step.k & SECCOMP_RET_DATA);
      return unclear;
    default:
      return unclear;
    }
  }
  return unclear;
}

int answer(std::uint32_t arch, int number, std::initializer_list<std::uint64_t> args = {}) {
  seccomp_data call{};
  call.arch = arch;
  call.nr = number;
  std::ranges::copy(args, call.args);
  return answer(call);
}

int answer_native(const char* name, std::initializer_list<std::uint64_t> args = {}) {
  const int number = ::seccomp_syscall_resolve_name(name);
  return number < 0 ? no_such_call : answer(::seccomp_arch_native(), number, args);
}

int answer_i386(const char* name, std::initializer_list<std::uint64_t> args = {}) {
  const int number = ::seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, name);
  return number < 0 ? no_such_call : answer(AUDIT_ARCH_I386, number, args);
}

bool is_x86_64() {
  return ::seccomp_arch_native() == SCMP_ARCH_X86_64;
}

TEST(syscall_filter, what_programs_need_is_allowed) {
  for (const char* name : {"read",
                           "write",
                           "openat",
                           "execve",
                           "exit_group",
                           "mmap",
                           "futex",
                           "ptrace",
                           "process_vm_readv",
                           "process_vm_writev",
                           "chroot",
                           "setuid",
                           "setgroups",
                           "memfd_create",
                           "pidfd_open",
                           "seccomp",
                           "statx",
                           "rseq",
                           "close_range",
                           "fchmodat2",
                           "name_to_handle_at"})
    EXPECT_EQ(answer_native(name), allowed) << name;
}

TEST(syscall_filter, what_acts_on_the_machine_is_refused) {
  for (const char* name : policy::refused) {
    const int given = answer_native(name);
    EXPECT_TRUE(given == EPERM || given == no_such_call) << name << ": " << given;
  }
  for (const char* name :
       {"mount", "unshare", "setns", "keyctl", "bpf", "perf_event_open", "userfaultfd",
        "kexec_load", "init_module", "open_by_handle_at", "reboot", "clock_settime"})
    EXPECT_EQ(answer_native(name), EPERM) << name;
}

TEST(syscall_filter, what_a_kernel_may_lack_does_not_exist) {
  for (const char* name : policy::hidden)
    EXPECT_EQ(answer_native(name), ENOSYS) << name;
}

TEST(syscall_filter, calls_that_are_newer_than_the_policy_do_not_exist) {
  for (int number = policy::newest_reviewed + 1; number < 2'000; ++number)
    EXPECT_EQ(answer(::seccomp_arch_native(), number), ENOSYS) << number;
  EXPECT_EQ(answer(::seccomp_arch_native(), -1), ENOSYS);
}

TEST(syscall_filter, clone_makes_processes_and_threads_but_no_namespaces) {
  EXPECT_EQ(answer_native("clone", {SIGCHLD}), allowed);
  EXPECT_EQ(answer_native("clone", {CLONE_VM | CLONE_VFORK | SIGCHLD}), allowed);
  EXPECT_EQ(answer_native("clone", {CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_SETTLS}),
            allowed);
  for (const auto flag : policy::namespace_flags) {
    EXPECT_EQ(answer_native("clone", {flag | SIGCHLD}), EPERM) << flag;
    EXPECT_EQ(answer_native("clone", {flag | CLONE_VM | (std::uint64_t{1} << 40)}), EPERM) << flag;
  }
}

TEST(syscall_filter, sockets_are_of_the_usual_families) {
  for (const char* call : {"socket", "socketpair"}) {
    for (std::uint64_t family = 0; family < 64; ++family) {
      const bool usual =
          std::ranges::find(policy::socket_families, family) != policy::socket_families.end();
      EXPECT_EQ(answer_native(call, {family, SOCK_STREAM}), usual ? allowed : EAFNOSUPPORT)
          << call << ' ' << family;
    }
    // The kernel looks at the lower half of the argument, the filter at the whole.
    EXPECT_EQ(answer_native(call, {(std::uint64_t{1} << 32) | AF_VSOCK}), EAFNOSUPPORT);
    EXPECT_EQ(answer_native(call, {~std::uint64_t{0}}), EAFNOSUPPORT);
  }
}

TEST(syscall_filter, personalities_are_the_harmless_ones) {
  for (const auto value : policy::personalities)
    EXPECT_EQ(answer_native("personality", {value}), allowed) << value;
  for (const std::uint64_t value : {std::uint64_t{READ_IMPLIES_EXEC}, std::uint64_t{MMAP_PAGE_ZERO},
                                    (std::uint64_t{1} << 32) | READ_IMPLIES_EXEC,
                                    std::uint64_t{ADDR_COMPAT_LAYOUT}, std::uint64_t{PER_BSD}})
    EXPECT_EQ(answer_native("personality", {value}), ENOSYS) << value;
}

TEST(syscall_filter, programs_of_32_bits_get_no_more) {
  if (!is_x86_64())
    GTEST_SKIP() << "this machine is not x86_64";
  for (const char* name : {"read", "waitpid", "execve", "mmap2", "ptrace"})
    EXPECT_EQ(answer_i386(name), allowed) << name;
  for (const char* name : policy::refused) {
    const int given = answer_i386(name);
    EXPECT_TRUE(given == EPERM || given == no_such_call) << name << ": " << given;
  }
  for (const char* name : policy::hidden)
    EXPECT_EQ(answer_i386(name), ENOSYS) << name;
  for (const auto flag : policy::namespace_flags)
    EXPECT_EQ(answer_i386("clone", {flag | SIGCHLD}), EPERM) << flag;
  EXPECT_EQ(answer_i386("clone", {SIGCHLD}), allowed);
  EXPECT_EQ(answer_i386("personality", {READ_IMPLIES_EXEC}), ENOSYS);
  constexpr int socketcall = 102; // libseccomp has other numbers for these
  constexpr int socket = 359;
  constexpr int socketpair = 360;
  for (const std::uint64_t family : {AF_UNIX, AF_INET, AF_VSOCK}) {
    EXPECT_EQ(answer(AUDIT_ARCH_I386, socket, {family}), ENOSYS);
    EXPECT_EQ(answer(AUDIT_ARCH_I386, socketpair, {family}), ENOSYS);
  }
  constexpr std::uint64_t makes_socket = 1;
  constexpr std::uint64_t makes_pair = 8;
  EXPECT_EQ(answer(AUDIT_ARCH_I386, socketcall, {makes_socket}), ENOSYS);
  EXPECT_EQ(answer(AUDIT_ARCH_I386, socketcall, {makes_pair}), ENOSYS);
  for (int number = policy::newest_reviewed + 1; number < 2'000; ++number)
    EXPECT_EQ(answer(AUDIT_ARCH_I386, number), ENOSYS) << number;
}

TEST(syscall_filter, other_ways_into_the_kernel_do_not_exist) {
  if (!is_x86_64())
    GTEST_SKIP() << "this machine is not x86_64";
  constexpr int x32 = 0x4000'0000;
  for (int number = 0; number <= policy::newest_reviewed + 200; ++number) {
    EXPECT_EQ(answer(AUDIT_ARCH_X86_64, x32 | number), ENOSYS) << number;
    EXPECT_EQ(answer(AUDIT_ARCH_AARCH64, number), ENOSYS) << number;
  }
}

/// No rule is lost between the policy and the filter, whatever libseccomp makes of it.
TEST(syscall_filter, every_known_call_is_answered_as_the_policy_says) {
  const auto is_in = [](const auto& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
  };
  std::vector<std::uint32_t> architectures = {::seccomp_arch_native()};
  if (is_x86_64())
    architectures.push_back(SCMP_ARCH_X86);
  for (const auto arch : architectures)
    for (int number = 0; number < policy::newest_reviewed; ++number) {
      char* found = ::seccomp_syscall_resolve_num_arch(arch, number);
      const std::string name = found != nullptr ? found : "";
      std::free(found);
      if (name == "clone" || name == "personality" || name.starts_with("socket"))
        continue; // by their arguments, above
      const int expected = is_in(policy::refused, name)                  ? EPERM
                           : name.empty() || is_in(policy::hidden, name) ? ENOSYS
                                                                         : allowed;
      EXPECT_EQ(answer(arch, number), expected) << arch << ' ' << number << ' ' << name;
    }
}

} // namespace
} // namespace sandfleet::launcher
