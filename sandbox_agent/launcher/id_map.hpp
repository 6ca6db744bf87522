#pragma once

#include <sandfleet/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace sandfleet::launcher {

struct id_extent {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;

  friend bool operator==(const id_extent&, const id_extent&) = default;
};

/// Which ids of the machine stand for which ids of the sandbox.
struct id_map {
  std::vector<id_extent> uids;
  std::vector<id_extent> gids;
  bool by_helper = false; ///< newuidmap and newgidmap must write it
  bool by_root = false;   ///< the caller may write any map, and use it for mounts

  /// True when there are users beside root, so that files can be given to them.
  [[nodiscard]] bool is_range() const { return uids.size() > 1 || uids.front().count > 1; }
};

/// What the choice depends on, as text of the files that say so.
struct id_facts {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool may_map_any = false; ///< CAP_SETUID and CAP_SETGID in the current user namespace
  std::string user_name;    ///< empty when it has none
  std::string uid_map;      ///< /proc/self/uid_map
  std::string gid_map;
  std::string subuid; ///< /etc/subuid
  std::string subgid;
  bool has_helpers = false; ///< newuidmap and newgidmap are installed
};

/// As root a range of 65,536 ids that nothing else on the machine uses, another for most sandboxes
/// (`seed` chooses); as a user its own id as root and its subordinate ids; else one id.
[[nodiscard]] id_map plan_id_map(const id_facts& facts, std::string_view seed);

[[nodiscard]] id_facts read_id_facts();

/// Gives the map to the user namespace of `process`.
[[nodiscard]] result<void> write_id_map(const id_map& map, pid_t process);

} // namespace sandfleet::launcher
