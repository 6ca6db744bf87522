#pragma once

#include "sandbox_agent/launcher/unique_fd.hpp"

#include <sandfleet/error.hpp>

#include <string>

namespace sandfleet::launcher {

/// A stream socket that listens at a path of at most 107 bytes and is for this user alone.
[[nodiscard]] result<unique_fd> listen_at(const std::string& path);

} // namespace sandfleet::launcher
