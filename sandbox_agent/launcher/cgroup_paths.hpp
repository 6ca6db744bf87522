#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::launcher {

/// A mounted cgroup hierarchy and where the caller stands in it.
struct cgroup_hierarchy {
  std::vector<std::string> controllers; ///< version 1; empty for version 2
  bool version2 = false;
  std::string own_dir; ///< the caller's own group, as a path below the mount

  [[nodiscard]] bool has(std::string_view controller) const;

  friend bool operator==(const cgroup_hierarchy&, const cgroup_hierarchy&) = default;
};

/// Joins what /proc/self/mountinfo and /proc/self/cgroup say. A mount that shows only a part of its
/// hierarchy (as containers have it) is taken into account; one that does not show the caller's
/// group is left out.
[[nodiscard]] std::vector<cgroup_hierarchy> find_cgroups(std::string_view mountinfo,
                                                         std::string_view self_cgroup);

} // namespace sandfleet::launcher
