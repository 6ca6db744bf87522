#pragma once

#include <string_view>
#include <sys/types.h>

namespace sandfleet::agent {

/// The name of the environment variable by which daemons of a tree are told from others'.
inline constexpr std::string_view tree_marker_name = "SANDFLEET_SESSION";

/// For `kill_tree` where somebody waits for an answer: what has been killed runs no more, even
/// while the kernel is not yet done with it.
inline constexpr int reply_patience_ms = 40;

/// Says that a process is the root of a tree, for as long as this lives. For the caller's one
/// thread.
class tree_root {
 public:
  explicit tree_root(pid_t pid);
  ~tree_root();
  tree_root(const tree_root&) = delete;
  tree_root& operator=(const tree_root&) = delete;

  /// Whether nothing is lost when it dies with another tree: a shell that nobody has used yet.
  void set_expendable(bool yes);

 private:
  pid_t pid_;
};

/// As process 1: kills all others by one signal that no fork escapes. Returns how many they were;
/// all are dead by then (zombies at most), but for those that still end after `patience_ms`.
int kill_all_others(int patience_ms);

/// Kills all that `root` started, and `root`, and returns how many processes that were. To the tree
/// belong: `root`; every process of the session (setsid) that it leads; the descendants of those;
/// and, when `marker` is not empty, orphans whose initial environment holds
/// `SANDFLEET_SESSION=<marker>`. All are stopped before any is killed, so none escapes by forking
/// in between, and all are dead (zombies at most) on return, but for those that the kernel cannot
/// kill within `patience_ms`.
///
/// As process 1, when no other tree is known that would be missed: all processes are its, and are
/// killed as by `kill_all_others`.
///
/// `root` must be a child of the caller that leads a session of its own and has not been reaped:
/// as long as that holds its number means no other process. Reaping it is left to the caller. With
/// 0 for `root`, when it has been reaped, only those with the marker are killed.
int kill_tree(pid_t root, std::string_view marker = {}, int patience_ms = 1000);

} // namespace sandfleet::agent
