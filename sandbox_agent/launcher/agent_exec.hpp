#pragma once

#include "sandbox_agent/launcher/request.hpp"

#include <sandfleet/error.hpp>

#include <vector>

namespace sandfleet::launcher {

/// What the agent inherits; all else is closed.
struct agent_descriptors {
  int listener = -1;               ///< the listening socket
  int ready = -1;                  ///< where it says that it is ready
  int lifeline = -1;               ///< ends when the launcher does
  int log = -1;                    ///< its standard error
  int failure = -1;                ///< where a failure to start it is reported; closed by its start
  std::vector<int> commands_files; ///< of its control group
  int memory_events = -1;          ///< the same; -1: none
};

/// Replaces the process by the agent, in the workspace, with ordinary signals and limits; when that
/// fails, reports why and ends the process.
[[noreturn]] void exec_agent(const std::string& program, const request& wanted,
                             const agent_descriptors& descriptors);

} // namespace sandfleet::launcher
