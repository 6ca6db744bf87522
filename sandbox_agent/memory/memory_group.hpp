#pragma once

#include "sandbox_agent/bash/pty.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace sandfleet::agent {

/// Where the control group of memory that a process is in may be found, by its /proc/PID/cgroup
/// (cgroups(7)): most likely first. Directories below `mounts`, of either version.
[[nodiscard]] std::vector<std::string> memory_group_places(std::string_view cgroups,
                                                           const std::string& mounts);

/// What the kernel counts of the memory of the sandbox: the control group that the agent is in, as
/// far as it is shown here. Reading costs microseconds.
class memory_group {
 public:
  struct told {
    std::optional<int> events_fd;      ///< of memory.events or memory.oom_control, where no group
    std::optional<std::int64_t> limit; ///< is shown; and what limits it, in bytes
  };
  explicit memory_group(const told& from_outside = {});

  /// How many processes were killed for memory up to now. Nothing where that cannot be seen.
  [[nodiscard]] std::optional<std::int64_t> oom_kills() const;
  /// Whether `oom_kills` counts those of the whole machine, for want of something better.
  [[nodiscard]] bool counts_the_machine() const { return of_machine_; }

  /// Open on what `oom_kills` reads, where the kernel reports by POLLPRI that it has changed since
  /// (version 2); else -1.
  [[nodiscard]] int reporting_file() const { return reports_ ? events_.get() : -1; }

  /// In bytes, without the files that the kernel would give up first.
  [[nodiscard]] std::optional<std::int64_t> in_use() const;
  [[nodiscard]] std::optional<std::int64_t> limit() const;

  /// The processes in it, as far as that can be seen.
  [[nodiscard]] std::vector<pid_t> processes() const;

  /// Empty where none is shown.
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  void open_events();
  [[nodiscard]] std::string read(const char* name) const;

  told told_;
  std::string directory_;
  unique_fd events_;
  bool of_machine_ = false;
  bool reports_ = false;
};

/// What a shell says of a command that SIGKILL ended.
inline constexpr int killed_status = 137;

/// Counts what is killed for memory from its making on.
class oom_counter {
 public:
  /// `group` may be missing; it outlives the counter.
  explicit oom_counter(const memory_group* group);

  /// Up to now. `was_killed`: the command ended as by SIGKILL; without that, kills on a machine of
  /// many are believed to be the others'.
  [[nodiscard]] std::int64_t kills(bool was_killed) const;

 private:
  const memory_group* group_;
  std::int64_t before_;
};

/// "[The kernel killed 2 processes of the sandbox for memory ...]" on a line of its own, as the
/// reference writes its remarks; empty when none was.
[[nodiscard]] std::string oom_remark(std::int64_t kills, std::optional<std::int64_t> limit_bytes,
                                     bool of_machine);

/// A number of bytes for people: "1.5 GiB".
[[nodiscard]] std::string size_text(std::int64_t bytes);

} // namespace sandfleet::agent
