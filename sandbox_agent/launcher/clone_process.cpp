#include "sandbox_agent/launcher/clone_process.hpp"

#include "runtime/core/system_text.hpp"
#include "runtime/core/text.hpp"
#include "sandbox_agent/launcher/file_text.hpp"

#include <cerrno>
#include <csignal>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandfleet::launcher {

pid_t clone_process(std::uint64_t flags, int cgroup) noexcept {
  clone_args how{};
  how.flags = flags;
  how.exit_signal = SIGCHLD;
  if (cgroup >= 0) {
    how.flags |= CLONE_INTO_CGROUP;
    how.cgroup = static_cast<std::uint64_t>(cgroup);
  }
  return static_cast<pid_t>(::syscall(SYS_clone3, &how, sizeof how));
}

error explain_clone_failure(int error_number) {
  const bool full = error_number == ENOSPC || error_number == EUSERS || error_number == EAGAIN;
  auto failure = errno_error(full ? errc::limit_exceeded : errc::unsupported,
                             "cannot make the sandbox's namespaces", error_number)
                     .blamed_on(failure_class::infrastructure);
  const auto is = [](const char* file, std::string_view value) {
    return core::trim(read_text(file)) == value;
  };
  if (is("/proc/sys/kernel/unprivileged_userns_clone", "0"))
    failure.hint = "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1";
  else if (is("/proc/sys/user/max_user_namespaces", "0"))
    failure.hint = "allow user namespaces: sysctl user.max_user_namespaces=10000";
  else if (is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
    failure.hint = "allow user namespaces: sysctl "
                   "kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with "
                   "'userns,' for sandfleet-launcher";
  else if (error_number == ENOSPC || error_number == EUSERS)
    failure.hint = "raise the sysctl user.max_user_namespaces (and max_net_namespaces, "
                   "max_mnt_namespaces, max_pid_namespaces)";
  else if (error_number == EAGAIN)
    failure.hint = "raise the limit of processes (ulimit -u, or the sysctl kernel.pid_max)";
  else if (error_number == EPERM || error_number == EACCES)
    failure.hint = "a container must allow clone3 and mount (for Docker: --privileged, or a "
                   "seccomp profile that does), and in a chroot Linux has no namespaces; or use "
                   "isolation 'none'";
  return failure;
}

std::uint64_t process_start_time(pid_t process) {
  const auto stat =
      core::parse_process_stat(read_text("/proc/" + std::to_string(process) + "/stat"));
  return stat ? stat->start_time : 0;
}

} // namespace sandfleet::launcher
