#include "tests/integration/isolation/isolation_fixture.hpp"

#include <gmock/gmock.h>

#include <map>
#include <set>

namespace sandfleet::tests {
namespace {

using outcomes = std::map<std::string, std::string>;

/// What each of the probe's attempts must come to. Names that are not here are new: decide.
const outcomes expected = {
    // mounts
    {"mount", "EPERM"},
    {"mount.bind", "EPERM"},
    {"mount.remount", "EPERM"},
    {"mount.proc", "EPERM"},
    {"umount2", "EPERM"},
    {"pivot_root", "EPERM"},
    {"fsopen", "EPERM"},
    {"fspick", "EPERM"},
    {"open_tree", "EPERM"},
    {"move_mount", "EPERM"},
    {"mount_setattr", "EPERM"},
    {"open_tree_attr", "ENOSYS"},
    {"statmount", "ENOSYS"},
    {"fanotify_init", "EPERM"},
    {"open_by_handle_at", "EPERM"},
    // namespaces
    {"unshare", "EPERM"},
    {"clone", "EPERM"},
    {"setns", "EPERM"},
    {"clone3", "ENOSYS"},
    {"sethostname", "EPERM"},
    {"setdomainname", "EPERM"},
    // the kernel
    {"keyctl", "EPERM"},
    {"add_key", "EPERM"},
    {"request_key", "EPERM"},
    {"bpf", "EPERM"},
    {"perf_event_open", "EPERM"},
    {"userfaultfd", "EPERM"},
    {"io_uring_setup", "ENOSYS"},
    {"syslog", "EPERM"},
    {"init_module", "EPERM"},
    {"finit_module", "EPERM"},
    {"delete_module", "EPERM"},
    {"kexec_load", "EPERM"},
    {"kexec_file_load", "EPERM"},
    {"mbind", "ENOSYS"},
    // the machine
    {"settimeofday", "EPERM"},
    {"clock_settime", "EPERM"},
    {"adjtimex", "EPERM"},
    {"clock_adjtime", "EPERM"},
    {"reboot", "EPERM"},
    {"acct", "EPERM"},
    {"quotactl", "EPERM"},
    {"swapon", "EPERM"},
    {"swapoff", "EPERM"},
    {"ioperm", "EPERM"},
    {"iopl", "EPERM"},
    {"mknod.device", "EPERM"},
    {"personality", "ENOSYS"},
    {"personality.asked", "done"},
    {"personality.fixed_addresses", "done"},
    // sockets
    {"socket.vsock", "EAFNOSUPPORT"},
    {"socket.alg", "EAFNOSUPPORT"},
    {"socket.packet", "EAFNOSUPPORT"},
    {"socket.bluetooth", "EAFNOSUPPORT"},
    {"socket.raw", "EPERM"},
    {"socket.unix", "done"},
    {"socket.inet", "done"},
    {"socket.netlink", "done"},
    // processes: one's own may be traced, the agent not
    {"process_vm_readv.child", "done"},
    {"process_vm_readv.agent", "EPERM"},
    {"ptrace.child", "done"},
    {"ptrace.agent", "EPERM"},
    {"mem.agent", "EACCES"},
    {"fd.agent", "EACCES"},
    {"root.agent", "EACCES"},
    {"environ.agent", "EACCES"},
    {"pidfd_open", "done"},
    {"pidfd_getfd", "EPERM"},
    {"process_madvise", "EPERM"},
    {"kcmp", "EPERM"},
    {"thread", "done"},
    {"memfd_create", "done"},
    // other ways into the kernel
    {"i386.getpid", "done"},
    {"i386.unshare", "EPERM"},
    {"i386.keyctl", "EPERM"},
    {"i386.clone", "EPERM"},
    {"i386.socketcall", "ENOSYS"},
    {"i386.socket", "ENOSYS"},
    {"x32.getpid", "ENOSYS"},
    {"x32.unshare", "ENOSYS"},
};

class syscalls : public isolation_fixture {
 protected:
  void check(const std::string& probed) {
    const bool has_i386 = probed.find("i386.getpid done") != std::string::npos;
    std::size_t checked = 0;
    for (const auto& line : lines_of(probed)) {
      const auto name = line.substr(0, line.find(' '));
      if (name.starts_with("i386.") && !has_i386)
        continue; // a kernel without 32-bit programs ends the one who tries
      auto wanted = expected.find(name);
      if (wanted == expected.end()) // the kinds of a call stand together
        wanted = expected.find(name.substr(0, name.find('.')));
      ASSERT_NE(wanted, expected.end()) << line;
      EXPECT_EQ(line, name + " " + wanted->second);
      ++checked;
    }
    EXPECT_GE(checked, expected.size() - 8) << probed; // architectures differ in some
  }
};

TEST_F(syscalls, root_of_a_sandbox_gets_no_more_than_it_needs) {
  auto box = start(with_probe());
  check(in(box, probe_path));
}

TEST_F(syscalls, a_user_of_a_sandbox_gets_no_more) {
  auto box = start(with_probe());
  if (!has_other_users(box))
    GTEST_SKIP() << "this user has no subordinate ids: root is the only user of its sandboxes";
  check(in(box, probe_path + std::string(" --as-user")));
}

TEST_F(syscalls, with_the_hosts_network_it_is_no_more_either) {
  auto spec = with_probe();
  spec.network = "host";
  auto box = start(spec);
  check(in(box, probe_path));
}

TEST_F(syscalls, a_session_is_under_the_filter_too) {
  auto box = start(with_probe());
  const auto answer = run(box, "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status | tr -d '\\t'");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->output, "NoNewPrivs:1\nSeccomp:2\n");
}

} // namespace
} // namespace sandfleet::tests
