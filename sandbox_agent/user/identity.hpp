#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

/// As whom the agent starts processes, where that is not as itself.
namespace sandfleet::agent {

struct identity {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups; ///< supplementary ones
  bool sets_groups = true;   ///< false: there are none, and the kernel lets nobody set them
};

/// From now on every process that is started is this user's. For the agent's one thread.
void run_as(std::optional<identity> whom);

/// Nobody: processes are the agent's own user's.
[[nodiscard]] const std::optional<identity>& runs_as();

/// Gives the calling process's only thread up to a user for good, by system calls alone. 0 or an
/// errno. For a child that runs in our memory: allocates nothing.
[[nodiscard]] int become(const identity& whom);

/// Whether and how it can be become: tried by a child of ours. `sets_groups` is then what is
/// possible. 0 or an errno.
[[nodiscard]] int try_identity(identity& whom);

/// Keeps what a process's change of ids does to the memory that it shares with us: the agent would
/// be shut out of its own files in /proc.
class keep_dumpable {
 public:
  keep_dumpable();
  ~keep_dumpable();
  keep_dumpable(const keep_dumpable&) = delete;
  keep_dumpable& operator=(const keep_dumpable&) = delete;

 private:
  int before_;
};

/// While it lives the agent has the user's effective ids (not its supplementary groups), and so may
/// see and do what the user may where root without capabilities may not: signal its processes, read
/// what /proc tells of them, find the programs that it would find. Does nothing where processes are
/// the agent's own. For short and synchronous work; keeps errno.
class acting_as_user {
 public:
  acting_as_user();
  ~acting_as_user();
  acting_as_user(const acting_as_user&) = delete;
  acting_as_user& operator=(const acting_as_user&) = delete;

 private:
  keep_dumpable outermost_;
  int parent_death_signal_ = 0; ///< the kernel forgets it when ids change
  uid_t uid_;
  gid_t gid_;
  bool acts_;
};

} // namespace sandfleet::agent
