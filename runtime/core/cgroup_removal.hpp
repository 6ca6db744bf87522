#pragma once

#include <string>

namespace sandfleet::core {

/// Removes the directory of a control group whose processes have ended: repeated, up to 200 ms,
/// until the kernel no longer counts the dead. False when it stays.
bool remove_cgroup(const std::string& dir);

} // namespace sandfleet::core
