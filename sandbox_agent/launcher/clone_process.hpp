#pragma once

#include <sandfleet/error.hpp>

#include <cstdint>
#include <sys/types.h>

namespace sandfleet::launcher {

/// clone3(2) in the manner of fork: 0 in the child, which has the caller's one thread and memory.
/// `cgroup` is a directory for CLONE_INTO_CGROUP, or -1. -1 with errno when it fails.
[[nodiscard]] pid_t clone_process(std::uint64_t flags, int cgroup) noexcept;

/// Why namespaces could not be made, and which setting of the machine forbids it.
[[nodiscard]] error explain_clone_failure(int error_number);

/// What the kernel calls the start of a process (field 22 of /proc/PID/stat): with the number it
/// names a process once and for all. 0 when there is no such process.
[[nodiscard]] std::uint64_t process_start_time(pid_t process);

} // namespace sandfleet::launcher
