#pragma once

#include "tools/cli/context.hpp"

#include <memory>

namespace sandfleet::cli {

/// `sandfleet run`: one command in a sandbox of its own.
[[nodiscard]] std::unique_ptr<subcommand> make_run_command();

/// `sandfleet config`: each setting, its value, and where it came from.
[[nodiscard]] std::unique_ptr<subcommand> make_config_command();

/// `sandfleet doctor`: what works on this machine, what is missing, and how to get it.
[[nodiscard]] std::unique_ptr<subcommand> make_doctor_command();

} // namespace sandfleet::cli
