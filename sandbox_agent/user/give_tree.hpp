#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <sys/types.h>

namespace sandfleet::agent {

/// All bits set: as it is.
struct new_owner {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct tree_given {
  std::uint64_t seen = 0;
  std::uint64_t given = 0; ///< belonged to others before
  std::uint64_t refused = 0;
  std::string first_refusal; ///< what it was that stayed as it is, and why; empty: nothing did
};

/// Gives a directory and all that is below it to a user and a group, as `chown -R`: of links
/// themselves, and follows none. What is theirs is only looked at. Holds two descriptors open,
/// however deep the tree. Stops when `stop` becomes true.
[[nodiscard]] tree_given give_tree(const std::string& directory, new_owner to,
                                   const std::atomic<bool>& stop);

} // namespace sandfleet::agent
