#pragma once

#include "sandbox_agent/launcher/new_root.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sandfleet::launcher {

/// A new file system of the given type that is attached nowhere. An option without value is a flag.
[[nodiscard]] result<unique_fd>
new_mount(const char* type, const std::vector<std::pair<const char*, std::string>>& options,
          std::uint64_t flags);

/// Carries out the steps of the plan below '/', which must be the new root already: an image's
/// links lead nowhere else. `memory` holds a mount for each step of that kind, or nothing at all
/// when the root itself is the sandbox's memory.
[[nodiscard]] result<void> carry_out(const root_plan& plan, const host_trees& trees,
                                     const std::vector<unique_fd>& memory, const unique_fd& proc,
                                     bool has_other_ids);

} // namespace sandfleet::launcher
