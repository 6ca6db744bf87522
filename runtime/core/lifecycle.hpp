#pragma once

#include <sandfleet/status.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sandfleet::core {

/// What happens to a sandbox, as the lifecycle machine sees it.
enum class lifecycle_event : std::uint8_t {
  build_begun,  ///< the provider builds an image first
  start_begun,  ///< the provider is asked to start it
  runtime_up,   ///< the sandbox exists and its agent answers
  setup_begun,  ///< a repository is cloned, or its own script runs
  hooks_begun,  ///< its git hooks are put in place
  became_ready, ///< actions are accepted
  pause_begun,
  pause_done,
  resume_begun,    ///< a paused one is woken, or one that somebody else started is taken up
  connection_lost, ///< the agent does not answer; the provider is asked what became of it
  stop_begun,
  stop_done,
  failed, ///< a failure that no retry will mend
  ran_out_of_memory,
};

inline constexpr std::size_t lifecycle_event_count = 14;

struct transition {
  sandbox_state from;
  lifecycle_event event;
  sandbox_state to;
};

/// The whole table, for tests and documents.
[[nodiscard]] std::span<const transition> transitions() noexcept;

/// The state that follows, or nothing when the event is not allowed in that state.
[[nodiscard]] std::optional<sandbox_state> next_state(sandbox_state from,
                                                      lifecycle_event event) noexcept;

/// True for states that no event leaves.
[[nodiscard]] bool is_final(sandbox_state state) noexcept;

[[nodiscard]] std::string_view to_string(lifecycle_event event) noexcept;

} // namespace sandfleet::core
