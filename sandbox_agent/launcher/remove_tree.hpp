#pragma once

#include "sandbox_agent/launcher/id_map.hpp"

#include <string>

namespace sandfleet::launcher {

/// Removes a file or a directory with all below it; links are not followed, directories without
/// permission are given it. 0 (also when there is nothing) or an errno.
[[nodiscard]] int remove_tree(const std::string& path);

/// The same for what processes of a sandbox with this map have made: files of subordinate ids are
/// removed from inside a user namespace that has them.
[[nodiscard]] int remove_tree_of(const std::string& path, const id_map& ids);

} // namespace sandfleet::launcher
