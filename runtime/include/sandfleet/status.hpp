#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sandfleet {

/// The states of a sandbox: those of OpenHands' RuntimeStatus, the two of a paused one, and the
/// two that stand before a side effect (`pausing`, `stopping`). runtime/core/lifecycle.hpp holds
/// the transitions.
enum class sandbox_state : std::uint8_t {
  created, ///< accepted, nothing started yet
  starting_runtime,
  building_runtime,
  runtime_started,
  setting_up_workspace, ///< `sandbox::set_up` clones, or runs the repository's own script
  setting_up_git_hooks,
  ready,
  pausing,
  paused,
  resuming,
  stopping,
  stopped,
  error,
  error_runtime_disconnected,
  error_memory,
};

inline constexpr std::size_t sandbox_state_count = 15;

/// The text that OpenHands' clients know, such as "STATUS$READY".
[[nodiscard]] std::string_view to_string(sandbox_state state) noexcept;

/// One change of state, in the order in which it happened.
struct status_event {
  sandbox_id id;
  sandbox_state from = sandbox_state::created;
  sandbox_state to = sandbox_state::created;
  std::chrono::system_clock::time_point at;
  std::optional<error> failure; ///< set when `to` is an error state
};

} // namespace sandfleet
