#include "sandbox_agent/launcher/cgroup.hpp"

#include "runtime/core/cgroup_usage.hpp"

#include <algorithm>

namespace sandfleet::launcher {

namespace {

class no_group final : public control_group {
 public:
  [[nodiscard]] resource_usage usage() const override { return {}; }
  [[nodiscard]] result<void> set_paused(bool /*paused*/) override {
    return fail(make_error(errc::unsupported, "this sandbox cannot be paused")
                    .with_cause("pausing needs a control group"));
  }
  std::vector<std::string> remove() override { return {}; }
};

} // namespace

bool uses_version1(const std::vector<cgroup_hierarchy>& hierarchies) {
  return std::ranges::any_of(hierarchies, [](const cgroup_hierarchy& h) {
    return h.has("memory") || h.has("pids") || h.has("cpu");
  });
}

std::vector<std::string> planned_cgroups(const std::vector<cgroup_hierarchy>& hierarchies,
                                         const std::string& id, const resource_limits& limits) {
  if (uses_version1(hierarchies))
    return detail::planned_v1(hierarchies, id, limits);
  const auto dir = detail::planned_v2(hierarchies, id);
  if (dir.empty())
    return {};
  return {std::string(dir).append(core::commands_group), dir};
}

made_cgroup make_cgroup(const std::vector<cgroup_hierarchy>& hierarchies, const std::string& id,
                        const resource_limits& limits) {
  made_cgroup made;
  if (uses_version1(hierarchies))
    made = detail::make_cgroup_v1(hierarchies, id, limits);
  else if (const auto dir = detail::planned_v2(hierarchies, id); !dir.empty())
    made = detail::make_cgroup_v2(dir, limits);
  else
    detail::note_all_unenforced(limits, "no control group was delegated to this user", made.limits);
  if (!made.group)
    made.group = std::make_unique<no_group>();
  return made;
}

void detail::note_all_unenforced(const resource_limits& limits, const std::string& why,
                                 limits_report& report) {
  if (limits.cpus)
    report["cpus"] = "unenforced: " + why;
  if (limits.memory_mb)
    report["memory_mb"] = "unenforced: " + why;
  if (limits.pids)
    report["pids"] = "unenforced: " + why;
}

} // namespace sandfleet::launcher
