#pragma once

#include "sandbox_agent/launcher/controls.hpp"
#include "sandbox_agent/launcher/request.hpp"
#include "sandbox_agent/launcher/sandbox.hpp"

#include <sandfleet/error.hpp>

#include <optional>
#include <string>

namespace sandfleet::launcher {

/// How a sandbox ended.
struct ending {
  int status = 0;               ///< of its first process, as of wait(2)
  std::optional<error> failure; ///< the agent never ran
  std::string log;              ///< the end of what the agent wrote to its standard error
  bool kept = false;            ///< nobody else removes its state directory
};

/// Follows commands on standard input, and those of `others` once the sandbox is kept, and tells
/// them all what happens, until the sandbox's first process has ended. The caller blocks SIGCHLD
/// and SIGTERM.
[[nodiscard]] ending watch(sandbox& box, const request& wanted, controls& others);

} // namespace sandfleet::launcher
