#include "runtime/core/cgroup_usage.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sandfleet::core {

namespace {

constexpr double mib = 1 << 20;

/// Version 1 has no word for "no limit" of memory, but a number that no machine reaches.
constexpr std::int64_t no_memory_limit = std::int64_t{1} << 60;

/// A number in a file: all of its text, or, with a key, what stands behind that.
struct counter {
  const char* file;
  const char* key = nullptr;
};

/// A limit's file and the counter of the times that it was met.
struct limit_files {
  const char* limit;
  const char* ceiling;
  counter touched;
};

constexpr std::array limits = {
    limit_files{"cpus", "/cpu.cfs_quota_us", {"/cpu.stat", "nr_throttled"}},
    limit_files{"cpus", "/cpu.max", {"/cpu.stat", "nr_throttled"}},
    limit_files{"memory_mb", "/memory.limit_in_bytes", {"/memory.failcnt"}},
    limit_files{"memory_mb", "/memory.max", {"/memory.events", "max"}},
    limit_files{"pids", "/pids.max", {"/pids.events", "max"}},
};

class group_reader {
 public:
  group_reader(std::span<const std::string> dirs, const text_source& read)
      : dirs_(dirs), read_(read) {}

  /// The largest: a group above others counts for them too.
  [[nodiscard]] std::optional<std::int64_t> number(const counter& wanted) const {
    std::optional<std::int64_t> largest;
    for (const auto& dir : dirs_)
      largest = std::max(largest, number_in(dir, wanted));
    return largest;
  }

  [[nodiscard]] std::map<std::string, std::int64_t> touched() const {
    std::map<std::string, std::int64_t> counts;
    for (const auto& dir : dirs_)
      for (const auto& one : limits)
        if (is_limited(dir, one.ceiling))
          if (const auto count = number_in(dir, one.touched))
            counts[one.limit] = *count;
    return counts;
  }

 private:
  [[nodiscard]] std::optional<std::int64_t> number_in(const std::string& dir,
                                                      const counter& wanted) const {
    const auto text = read_(dir + wanted.file);
    if (wanted.key == nullptr)
      return parse_integer(trim(text));
    const auto found = keyed_number(text, wanted.key, -1);
    return found < 0 ? std::nullopt : std::optional<std::int64_t>(found);
  }

  /// "max ..." and -1 are no limits.
  [[nodiscard]] bool is_limited(const std::string& dir, const char* ceiling) const {
    const auto text = read_(dir + ceiling);
    const auto number = parse_integer(split(trim(text), ' ').front());
    return number && *number >= 0 && *number < no_memory_limit;
  }

  std::span<const std::string> dirs_;
  const text_source& read_;
};

} // namespace

resource_usage cgroup_usage(std::span<const std::string> dirs, const text_source& read) {
  const group_reader groups(dirs, read);
  resource_usage used;
  if (const auto nanoseconds = groups.number({"/cpuacct.usage"}))
    used.cpu_seconds = static_cast<double>(*nanoseconds) / 1e9;
  else if (const auto microseconds = groups.number({"/cpu.stat", "usage_usec"}))
    used.cpu_seconds = static_cast<double>(*microseconds) / 1e6;
  for (const char* peak : {"/memory.max_usage_in_bytes", "/memory.peak"})
    if (const auto bytes = groups.number({peak}))
      used.peak_memory_mb = static_cast<double>(*bytes) / mib;
  for (const char* events : {"/memory.oom_control", "/memory.events"})
    if (const auto kills = groups.number({events, "oom_kill"}))
      used.oom_kills = kills;
  used.touched = groups.touched();
  return used;
}

long long keyed_number(std::string_view text, std::string_view name, long long fallback) {
  for (const auto line : split(text, '\n'))
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ')
      return parse_integer(trim(line.substr(name.size()))).value_or(fallback);
  return fallback;
}

} // namespace sandfleet::core
