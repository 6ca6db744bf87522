#pragma once

#include <sandfleet/error.hpp>

#include <string>

namespace sandfleet::agent::files {

/// `mkdir -p`; errors as those of `load`.
[[nodiscard]] result<void> make_directories(const std::string& path);

/// The directories above the last part of a path.
[[nodiscard]] result<void> make_parents(const std::string& path);

} // namespace sandfleet::agent::files
