#include "sandbox_agent/launcher/sandbox_init.hpp"

#include "runtime/core/test_stop.hpp"
#include "sandbox_agent/launcher/capabilities.hpp"
#include "sandbox_agent/launcher/failure_pipe.hpp"
#include "sandbox_agent/launcher/file_text.hpp"
#include "sandbox_agent/launcher/proc_masks.hpp"
#include "sandbox_agent/launcher/syscall_filter.hpp"

#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandfleet::launcher {

namespace {

error broken(const char* what) {
  return errno_error(errc::start_failed, what, errno);
}

/// False when the launcher has gone away instead.
bool wait_for_go(int go) {
  char byte = 0;
  ssize_t n = 0;
  while ((n = ::read(go, &byte, 1)) < 0 && errno == EINTR) {
  }
  return n == 1;
}

/// The system calls, not glibc's functions, which would look for other threads.
result<void> become_root(bool may_set_groups) {
  if (may_set_groups && ::syscall(SYS_setgroups, 0, nullptr) != 0)
    return fail(broken("cannot leave the caller's groups"));
  if (::syscall(SYS_setresgid, 0, 0, 0) != 0 || ::syscall(SYS_setresuid, 0, 0, 0) != 0)
    return fail(broken("cannot become the sandbox's root"));
  return {};
}

result<void> raise_loopback() {
  const unique_fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  if (!any || ::ioctl(any.get(), SIOCSIFFLAGS, &request) != 0)
    return fail(broken("cannot set up the loopback interface"));
  return {};
}

result<void> make_file_system(const init_context& context, int base) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail(broken("cannot part from the machine's mounts"));
  host_trees own;
  const host_trees* trees = context.trees;
  if (trees == nullptr) {
    auto taken = take_host_trees(context.plan, context.scratch_dir);
    if (!taken)
      return fail(taken.error());
    own = std::move(*taken);
    trees = &own;
  }
  return enter_new_root(context.plan, *trees, base, context.ids.is_range());
}

/// The host's shares of what is not a namespace: its keys, and user namespaces below this one,
/// which would open the kernel's interfaces for root again.
void shut_side_doors() {
  ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr, 0, 0, 0);
  (void)write_text("/proc/sys/user/max_user_namespaces", "0");
}

result<void> prepare(const init_context& context) {
  if (const int failed = context.group.enter())
    return fail(errno_error(errc::start_failed, "cannot enter the control group", failed));
  // While this process still has the caller's ids, which may be the only ones to see this place.
  const unique_fd base(::open(context.wanted.state_dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!base)
    return fail(broken("cannot see the state directory"));
  if (auto done = become_root(context.ids.by_root || context.ids.by_helper); !done)
    return done;
  if (::unshare(CLONE_NEWCGROUP) != 0)
    return fail(broken("cannot make a cgroup namespace"));
  if (const int failed = context.group.leave_commands())
    return fail(errno_error(errc::start_failed, "cannot leave the commands' group", failed));
  if (::sethostname(context.wanted.id.data(), context.wanted.id.size()) != 0)
    return fail(broken("cannot set the host name"));
  if (!context.host_network)
    if (auto done = raise_loopback(); !done)
      return done;
  if (auto done = make_file_system(context, base.get()); !done)
    return done;
  shut_side_doors();
  if (auto done = mask_proc(); !done)
    return done;
  if (auto done = drop_privileges(); !done)
    return done;
  return install_syscall_filter();
}

} // namespace

void become_sandbox(const init_context& context) {
  if (!wait_for_go(context.go))
    ::_exit(1);
  core::test_stop(core::test_stage::init_released);
  ::umask(022);
  if (auto done = prepare(context); !done)
    report_and_exit(context.descriptors.failure, done.error());
  exec_agent(agent_path, context.wanted, context.descriptors);
}

} // namespace sandfleet::launcher
