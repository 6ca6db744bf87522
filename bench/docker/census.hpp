#pragma once

#include <set>
#include <string>

namespace sandfleet::bench {

/// What sandboxes in containers leave, if they leave anything: each thing by a name.
struct census {
  std::set<std::string> containers; ///< of ours, whether they run or not
  std::set<std::string> sockets;    ///< bound below the state directory
  std::set<std::string> files;      ///< in the state directory
  std::set<std::string> mounts;
  std::set<std::string> cgroups; ///< of containers that the engine does not have
  std::size_t descriptors = 0;   ///< of this process
};

[[nodiscard]] census count_things(const std::string& state_dir);

/// What is in the second and was not in the first, a line each; empty: nothing.
[[nodiscard]] std::string left_between(const census& before, const census& after);

} // namespace sandfleet::bench
