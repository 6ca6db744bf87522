#pragma once

#include <sandfleet/error.hpp>

namespace sandfleet::launcher {

/// Of /proc, which must be the sandbox's own, hides what tells of the machine and its other users,
/// and makes read-only what sets the machine's kernel. Called in the new root, by its root.
[[nodiscard]] result<void> mask_proc();

} // namespace sandfleet::launcher
