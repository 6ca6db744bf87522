#pragma once

#include <string>

namespace sandfleet::cli {

/// Tries in a child process, which keeps every effect to itself. 0, or the errno value of the step
/// that failed.
[[nodiscard]] int try_user_namespace();

/// Mounts an overlay in a user namespace of its own, below `scratch`, an empty directory.
[[nodiscard]] int try_overlay(const std::string& scratch);

} // namespace sandfleet::cli
