#pragma once

#include "sandbox_agent/launcher/cgroup_paths.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/spec.hpp>
#include <sandfleet/usage.hpp>

#include <memory>
#include <string>
#include <vector>

namespace sandfleet::launcher {

/// The control groups of one sandbox. Everything works without them too, less accurately: so
/// nothing here fails as a whole.
class control_group {
 public:
  control_group() = default;
  control_group(const control_group&) = delete;
  control_group& operator=(const control_group&) = delete;
  virtual ~control_group() = default;

  /// For clone3's CLONE_INTO_CGROUP, or -1 when the child enters by `enter`.
  [[nodiscard]] virtual int clone_descriptor() const { return -1; }

  /// Called by the child, while it is the only thread: moves it in. 0 or an errno.
  [[nodiscard]] virtual int enter() const { return 0; }

  /// Called by the child once its cgroup namespace begins here, which hides the groups' names:
  /// moves it out of where processes and CPU time are limited, for it has to be able to act
  /// whatever happens there. 0 or an errno.
  [[nodiscard]] virtual int leave_commands() const { return 0; }

  /// Open for writing: each moves the thread that writes "0" to it to where those limits are. For
  /// what the agent starts. Empty where the agent is limited like the rest.
  [[nodiscard]] virtual std::vector<int> commands_files() const { return {}; }

  /// Open for reading: where the kernel counts what it killed for memory (memory.events, or
  /// memory.oom_control of version 1). -1 where it does not.
  [[nodiscard]] virtual int memory_events_file() const { return -1; }

  [[nodiscard]] virtual resource_usage usage() const = 0;
  [[nodiscard]] virtual bool can_pause() const { return false; }
  [[nodiscard]] virtual result<void> set_paused(bool paused) = 0;

  /// Removes the groups; their processes must have ended. Returns the directories that stay.
  virtual std::vector<std::string> remove() = 0;
};

/// What was made, and for each limit that was asked for, whether it holds.
struct made_cgroup {
  std::unique_ptr<control_group> group;
  limits_report limits;
};

/// Where the groups of a sandbox will be, those below others first, so that this can be noted
/// before they are made and removed in order.
[[nodiscard]] std::vector<std::string>
planned_cgroups(const std::vector<cgroup_hierarchy>& hierarchies, const std::string& id,
                const resource_limits& limits);

/// Makes groups below the caller's own, so that what limits the caller limits the sandbox too.
[[nodiscard]] made_cgroup make_cgroup(const std::vector<cgroup_hierarchy>& hierarchies,
                                      const std::string& id, const resource_limits& limits);

/// True when cpu, memory or pids are limited through version 1 on this machine.
[[nodiscard]] bool uses_version1(const std::vector<cgroup_hierarchy>& hierarchies);

namespace detail {
made_cgroup make_cgroup_v1(const std::vector<cgroup_hierarchy>& hierarchies, const std::string& id,
                           const resource_limits& limits);
made_cgroup make_cgroup_v2(const std::string& dir, const resource_limits& limits);
std::vector<std::string> planned_v1(const std::vector<cgroup_hierarchy>& hierarchies,
                                    const std::string& id, const resource_limits& limits);
/// Empty when there is no place that this process may use.
std::string planned_v2(const std::vector<cgroup_hierarchy>& hierarchies, const std::string& id);
void note_all_unenforced(const resource_limits& limits, const std::string& why,
                         limits_report& report);
} // namespace detail

} // namespace sandfleet::launcher
