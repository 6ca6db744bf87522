#pragma once

#include "sandbox_agent/options.hpp"

namespace sandfleet::agent {

/// Serves until it is told to stop (SIGTERM, SIGINT, a lifeline's end). Returns the exit status.
int serve(options given);

} // namespace sandfleet::agent
