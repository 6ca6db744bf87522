#pragma once

#include <cstdint>
#include <sys/types.h>
#include <vector>

namespace sandfleet::bench {

/// Every process below this one, children of children included.
[[nodiscard]] std::vector<pid_t> descendants();

/// Proportional set size of a process in KiB; 0 when it is gone.
[[nodiscard]] std::int64_t pss_kib(pid_t process);

/// CPU time that a process has used in clock ticks; 0 when it is gone.
[[nodiscard]] std::int64_t cpu_ticks(pid_t process);

} // namespace sandfleet::bench
