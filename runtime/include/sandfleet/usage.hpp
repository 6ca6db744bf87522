#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sandfleet {

/// What a sandbox consumed, where the provider can tell.
struct resource_usage {
  std::optional<double> cpu_seconds;
  std::optional<double> peak_memory_mb; ///< MiB
  std::optional<std::int64_t> oom_kills;

  /// For each limit that held and is counted by the kernel: how often the sandbox met it. "cpus":
  /// periods in which it was throttled; "memory_mb": times that memory had to be freed first, or
  /// could not be; "pids": forks that were refused.
  std::map<std::string, std::int64_t> touched;
};

/// For each limit that was asked for ("cpus", "memory_mb", "pids", "disk_mb"): "enforced", or
/// "unenforced: " and the reason.
using limits_report = std::map<std::string, std::string>;

} // namespace sandfleet
