#pragma once

#include <string_view>
#include <sys/types.h>

namespace sandfleet::agent {

/// The name of the environment variable by which daemons of a tree are told from others'.
inline constexpr std::string_view tree_marker_name = "SANDFLEET_SESSION";

/// Kills all that `root` started, and `root`, and returns how many processes that were. To the tree
/// belong: `root`; every process of the session (setsid) that it leads; the descendants of those;
/// and, when `marker` is not empty, orphans whose initial environment holds
/// `SANDFLEET_SESSION=<marker>`. All are stopped before any is killed, so none escapes by forking
/// in between, and all are dead (zombies at most) on return, but for those that the kernel cannot
/// kill within `patience_ms`.
///
/// `root` must be a child of the caller that leads a session of its own and has not been reaped:
/// as long as that holds its number means no other process. Reaping it is left to the caller. With
/// 0 for `root`, when it has been reaped, only those with the marker are killed.
int kill_tree(pid_t root, std::string_view marker = {}, int patience_ms = 1000);

} // namespace sandfleet::agent
