#include "sandbox_agent/launcher/proc_masks.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/mount.h>

namespace sandfleet::launcher {

namespace {

/// Not every kernel has all of them.
constexpr std::array hidden_files = {
    "/proc/interrupts", "/proc/kcore",       "/proc/keys",        "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
};
constexpr std::array hidden_dirs = {"/proc/acpi", "/proc/asound", "/proc/scsi"};
constexpr std::array read_only = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                  "/proc/sysrq-trigger"};

constexpr unsigned long empty_flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

/// 0 or an errno.
int hide_file(const char* path) {
  return ::mount("/dev/null", path, nullptr, MS_BIND, nullptr) == 0 ? 0 : errno;
}

int hide_dir(const char* path) {
  return ::mount("tmpfs", path, "tmpfs", empty_flags, "mode=0555") == 0 ? 0 : errno;
}

int make_read_only(const char* path) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return ::mount(path, path, nullptr, MS_BIND | MS_REC, nullptr) == 0 &&
                 ::mount_setattr(AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof attributes) == 0
             ? 0
             : errno;
}

template <class Paths>
result<void> each(const Paths& paths, int (*mask)(const char*)) {
  for (const char* path : paths)
    if (const int failed = mask(path); failed != 0 && failed != ENOENT)
      return fail(errno_error(errc::start_failed,
                              std::string("cannot keep the sandbox from ") + path, failed));
  return {};
}

} // namespace

result<void> mask_proc() {
  if (auto done = each(hidden_files, hide_file); !done)
    return done;
  if (auto done = each(hidden_dirs, hide_dir); !done)
    return done;
  return each(read_only, make_read_only);
}

} // namespace sandfleet::launcher
