#pragma once

#include <sandfleet/error.hpp>

#include <string>

namespace sandfleet::agent {

/// Takes the listening socket that somebody hands over (SCM_RIGHTS) to who connects to the unix
/// socket at `path`. Waits at most 10 s. Errors: `connection_failed`, `protocol_error`.
[[nodiscard]] result<int> take_handed_listener(const std::string& path);

} // namespace sandfleet::agent
