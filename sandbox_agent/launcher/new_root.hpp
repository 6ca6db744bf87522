#pragma once

#include "sandbox_agent/launcher/mount_plan.hpp"
#include "sandbox_agent/launcher/unique_fd.hpp"

#include <sandfleet/error.hpp>

#include <string>
#include <vector>

namespace sandfleet::launcher {

/// The host's directories and files that a plan shows, taken as mounts that are attached nowhere.
/// One for each step (empty for steps that need none), and the overlay's.
struct host_trees {
  std::vector<unique_fd> by_step;
  unique_fd lower;
  unique_fd scratch; ///< a directory on disk for what an overlay writes, when it cannot be memory
};

/// Takes the trees from the mount namespace of the caller, with their flags set (read-only, nosuid,
/// nodev). Blames the task for a volume that cannot be had.
[[nodiscard]] result<host_trees> take_host_trees(const root_plan& plan,
                                                 const std::string& scratch_dir);

/// Shows the trees that the sandbox may write with the ids of the sandbox, so that what it makes
/// there belongs to the machine's ids. Returns what could not be done, one text each.
[[nodiscard]] std::vector<std::string> map_tree_ids(const root_plan& plan, host_trees& trees,
                                                    int user_namespace);

/// Called in the new namespaces as their root: makes the root, enters it, and leaves nothing of the
/// old one. `base` is an O_PATH descriptor of a directory in this mount namespace.
[[nodiscard]] result<void> enter_new_root(const root_plan& plan, const host_trees& trees, int base,
                                          bool has_other_ids);

/// True when an overlay can keep its marks (extended attributes) on a memory file system: Linux 6.6
/// and later.
[[nodiscard]] bool memory_keeps_marks();

} // namespace sandfleet::launcher
