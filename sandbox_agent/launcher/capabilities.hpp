#pragma once

#include <sandfleet/error.hpp>

namespace sandfleet::launcher {

/// True when the capability is in effect.
[[nodiscard]] bool has_capability(int capability) noexcept;

/// Leaves root in the sandbox with what ordinary work wants (change owners, change user, bind low
/// ports, chroot) and takes the rest away for ever: no mounts, no devices, no kernel settings, and
/// no program may give more.
[[nodiscard]] result<void> drop_privileges();

} // namespace sandfleet::launcher
