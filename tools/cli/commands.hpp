#pragma once

#include "tools/cli/context.hpp"

#include <memory>

namespace sandfleet::cli {

/// `sandfleet run`: one command in a sandbox of its own.
[[nodiscard]] std::unique_ptr<subcommand> make_run_command();

/// `sandfleet exec`: one command in a sandbox that runs.
[[nodiscard]] std::unique_ptr<subcommand> make_exec_command();

/// `sandfleet shell`: a shell on a terminal in a sandbox.
[[nodiscard]] std::unique_ptr<subcommand> make_shell_command();

/// `sandfleet ps`: the sandboxes of this user on this machine.
[[nodiscard]] std::unique_ptr<subcommand> make_ps_command();

/// `sandfleet stop`: takes kept sandboxes away.
[[nodiscard]] std::unique_ptr<subcommand> make_stop_command();
/// `sandfleet serve`: the Remote Runtime API.
[[nodiscard]] std::unique_ptr<subcommand> make_serve_command();
/// `sandfleet pause`, `sandfleet resume`.
[[nodiscard]] std::unique_ptr<subcommand> make_pause_command();
[[nodiscard]] std::unique_ptr<subcommand> make_resume_command();

/// `sandfleet gc`: removes what programs that died have left.
[[nodiscard]] std::unique_ptr<subcommand> make_gc_command();

/// `sandfleet image`: makes roots for sandboxes.
[[nodiscard]] std::unique_ptr<subcommand> make_image_command();

/// `sandfleet config`: each setting, its value, and where it came from.
[[nodiscard]] std::unique_ptr<subcommand> make_config_command();

/// `sandfleet completion`: scripts by which shells complete our command line.
[[nodiscard]] std::unique_ptr<subcommand> make_completion_command();

/// `sandfleet __complete`: what those scripts ask. No help shows it.
[[nodiscard]] std::unique_ptr<subcommand> make_complete_command();

/// `sandfleet manual`: the page sandfleet(1).
[[nodiscard]] std::unique_ptr<subcommand> make_manual_command();

/// `sandfleet doctor`: what works on this machine, what is missing, and how to get it.
[[nodiscard]] std::unique_ptr<subcommand> make_doctor_command();

} // namespace sandfleet::cli
