#pragma once

namespace sandfleet::launcher {

/// Makes orphans of whatever the caller starts children of the caller again.
void adopt_orphans() noexcept;

/// Kills every process that descends from the caller and reaps its children. The caller adopts
/// orphans, so no descendant escapes; all are stopped first, so none multiplies meanwhile.
void kill_descendants();

} // namespace sandfleet::launcher
