#pragma once

#include <array>
#include <cstdint>
#include <linux/sched.h>
#include <sys/personality.h>
#include <sys/socket.h>

/// What a sandbox may ask of the kernel: everything that is known up to `newest_reviewed`, but for
/// what stands here. No less is hidden than Docker's default profile hides from a container without
/// added capabilities.
namespace sandfleet::launcher::policy {

/// The last number (they are the same on all machines since 424) of which somebody has decided
/// whether a sandbox needs it. Newer calls do not exist in a sandbox: ENOSYS.
inline constexpr int newest_reviewed = 456;

/// EPERM: acts on the machine, or on more than the sandbox.
inline constexpr std::array refused = {
    // mounts
    "mount", "umount", "umount2", "pivot_root", "move_mount", "open_tree", "mount_setattr",
    "fsopen", "fsconfig", "fsmount", "fspick", "open_by_handle_at", "fanotify_init",
    // namespaces
    "unshare", "setns", "sethostname", "setdomainname",
    // keys, which have no namespace
    "add_key", "keyctl", "request_key",
    // code in the kernel, and looks into it
    "bpf", "perf_event_open", "userfaultfd", "lookup_dcookie", "syslog", "create_module",
    "init_module", "finit_module", "delete_module", "query_module", "get_kernel_syms", "kexec_load",
    "kexec_file_load",
    // other processes beyond what ptrace checks
    "kcmp", "pidfd_getfd", "process_madvise",
    // the machine's clock
    "settimeofday", "stime", "clock_settime", "clock_settime64", "adjtimex", "clock_adjtime",
    "clock_adjtime64",
    // the machine itself
    "reboot", "acct", "quotactl", "quotactl_fd", "swapon", "swapoff", "vhangup", "ioperm", "iopl",
    "vm86", "vm86old", "nfsservctl", "sysfs", "_sysctl", "uselib", "ustat", "bdflush"};

/// ENOSYS: what a kernel may lack, so that programs have another way. clone3 keeps its flags in
/// memory, where a filter cannot see them.
inline constexpr std::array hidden = {
    "clone3",        "io_uring_setup", "io_uring_enter",          "io_uring_register",
    "get_mempolicy", "set_mempolicy",  "set_mempolicy_home_node", "mbind",
    "migrate_pages", "move_pages"};

/// The flags of clone that make namespaces: EPERM. (CLONE_NEWTIME is none of them: clone reads it
/// as part of a signal's number.)
inline constexpr std::array<std::uint64_t, 7> namespace_flags = {
    CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
    CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

/// Others are EAFNOSUPPORT, as where the kernel has no such module: AF_VSOCK reaches past every
/// namespace, and most of the rest is code that a sandbox would only load to attack it.
inline constexpr std::array<std::uint64_t, 4> socket_families = {AF_UNIX, AF_INET, AF_INET6,
                                                                 AF_NETLINK};

/// The question for the present one, Linux' own, and what debuggers and `setarch` ask for. Others
/// are ENOSYS.
inline constexpr std::array<std::uint64_t, 6> personalities = {
    0xffff'ffff,      PER_LINUX, PER_LINUX32, UNAME26, std::uint64_t{UNAME26} | PER_LINUX32,
    ADDR_NO_RANDOMIZE};

} // namespace sandfleet::launcher::policy
