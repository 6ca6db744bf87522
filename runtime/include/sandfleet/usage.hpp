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
};

/// For each limit that was asked for ("cpus", "memory_mb", "pids", "disk_mb"): "enforced", or
/// "unenforced: " and the reason.
using limits_report = std::map<std::string, std::string>;

} // namespace sandfleet
