#pragma once

#include <sys/types.h>
#include <vector>

namespace sandfleet::agent {

/// Children that a component of the agent waits for itself, by their pidfd. The reaper takes only
/// the others: orphans that were given to us as PID 1 or as a subreaper. For the agent's one
/// thread.
void claim_child(pid_t pid);
void release_child(pid_t pid);
[[nodiscard]] bool is_claimed(pid_t pid);

/// All processes whose parent we are, zombies included.
[[nodiscard]] std::vector<pid_t> list_children();

} // namespace sandfleet::agent
