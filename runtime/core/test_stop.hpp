#pragma once

#include <string_view>

/// For developers' tests of sudden death. Stages in the life of a sandbox and of its result at
/// which a process can be made to stand still, so that a test may kill it, or another one, right
/// there.
///
/// SANDFLEET_TEST_STOP_AT=STAGE:PATH in a process's environment names a stage and a listening unix
/// stream socket. A process that reaches the stage connects, sends the stage's name, and goes on
/// when a byte comes back or the connection ends; without a listener it goes on at once. (Who it is
/// tells SO_PEERCRED.) The agent has the environment of its task, and sees that task's paths.
/// Without the variable a stage costs one comparison.
namespace sandfleet::core::test_stage {

/// The engine: a sandbox's entry is in the registry, its launcher is not started.
inline constexpr std::string_view engine_noted = "engine_noted";
/// The launcher runs, and its entry does not say so yet.
inline constexpr std::string_view engine_launched = "engine_launched";

/// The batch runner: a sandbox is ready, nothing was done in it.
inline constexpr std::string_view batch_ready = "batch_ready";
/// All is done in it; it is to be stopped.
inline constexpr std::string_view batch_stopping = "batch_stopping";
/// The sandbox is gone, the result is not written.
inline constexpr std::string_view batch_result = "batch_result";
/// Half of the result is written.
inline constexpr std::string_view batch_half_result = "batch_half_result";
/// The result is written.
inline constexpr std::string_view batch_kept = "batch_kept";

/// The launcher: nothing is made.
inline constexpr std::string_view launcher_began = "launcher_began";
/// Control groups are made, the sandbox's first process is not.
inline constexpr std::string_view launcher_grouped = "launcher_grouped";
/// The first process waits to be let go, and is not noted.
inline constexpr std::string_view launcher_cloned = "launcher_cloned";
/// The first process has been let go.
inline constexpr std::string_view launcher_released = "launcher_released";
/// The sandbox has ended, what was made outside of it is still there.
inline constexpr std::string_view launcher_ended = "launcher_ended";
/// All is removed, and nobody was told.
inline constexpr std::string_view launcher_removed = "launcher_removed";

/// The sandbox's first process: let go, and still in the machine's file system.
inline constexpr std::string_view init_released = "init_released";

/// The agent: it listens, its shell is not started.
inline constexpr std::string_view agent_began = "agent_began";
/// Its shell is at the prompt, and nobody was told.
inline constexpr std::string_view agent_ready = "agent_ready";

} // namespace sandfleet::core::test_stage

namespace sandfleet::core {

/// Whether this process is to stand still at `stage`.
[[nodiscard]] bool stops_at(std::string_view stage) noexcept;

/// Stands still when this is the stage at which it shall.
void test_stop(std::string_view stage) noexcept;

} // namespace sandfleet::core
