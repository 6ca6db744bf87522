#include "runtime/core/lifecycle.hpp"

#include <algorithm>
#include <array>

namespace sandfleet::core {

namespace {

using s = sandbox_state;
using e = lifecycle_event;

constexpr std::array table = {
    transition{s::created, e::build_begun, s::building_runtime},
    transition{s::created, e::start_begun, s::starting_runtime},
    // One that stands already is taken up.
    transition{s::created, e::resume_begun, s::resuming},
    transition{s::created, e::stop_begun, s::stopping},
    transition{s::created, e::failed, s::error},

    transition{s::building_runtime, e::start_begun, s::starting_runtime},
    transition{s::building_runtime, e::stop_begun, s::stopping},
    transition{s::building_runtime, e::failed, s::error},

    // A retry after a failed start begins again.
    transition{s::starting_runtime, e::start_begun, s::starting_runtime},
    transition{s::starting_runtime, e::build_begun, s::building_runtime},
    transition{s::starting_runtime, e::runtime_up, s::runtime_started},
    transition{s::starting_runtime, e::stop_begun, s::stopping},
    transition{s::starting_runtime, e::failed, s::error},
    transition{s::starting_runtime, e::ran_out_of_memory, s::error_memory},

    transition{s::runtime_started, e::setup_begun, s::setting_up_workspace},
    transition{s::runtime_started, e::became_ready, s::ready},
    transition{s::runtime_started, e::connection_lost, s::error_runtime_disconnected},
    transition{s::runtime_started, e::stop_begun, s::stopping},
    transition{s::runtime_started, e::failed, s::error},
    transition{s::runtime_started, e::ran_out_of_memory, s::error_memory},

    transition{s::setting_up_workspace, e::hooks_begun, s::setting_up_git_hooks},
    transition{s::setting_up_workspace, e::became_ready, s::ready},
    transition{s::setting_up_workspace, e::connection_lost, s::error_runtime_disconnected},
    transition{s::setting_up_workspace, e::stop_begun, s::stopping},
    transition{s::setting_up_workspace, e::failed, s::error},
    transition{s::setting_up_workspace, e::ran_out_of_memory, s::error_memory},

    transition{s::setting_up_git_hooks, e::became_ready, s::ready},
    transition{s::setting_up_git_hooks, e::connection_lost, s::error_runtime_disconnected},
    transition{s::setting_up_git_hooks, e::stop_begun, s::stopping},
    transition{s::setting_up_git_hooks, e::failed, s::error},
    transition{s::setting_up_git_hooks, e::ran_out_of_memory, s::error_memory},

    transition{s::ready, e::setup_begun, s::setting_up_workspace},
    transition{s::ready, e::hooks_begun, s::setting_up_git_hooks},
    transition{s::ready, e::pause_begun, s::pausing},
    transition{s::ready, e::connection_lost, s::error_runtime_disconnected},
    transition{s::ready, e::stop_begun, s::stopping},
    transition{s::ready, e::failed, s::error},
    transition{s::ready, e::ran_out_of_memory, s::error_memory},

    transition{s::pausing, e::pause_done, s::paused},
    // A provider that cannot pause leaves it as it is.
    transition{s::pausing, e::became_ready, s::ready},
    transition{s::pausing, e::connection_lost, s::error_runtime_disconnected},
    transition{s::pausing, e::stop_begun, s::stopping},
    transition{s::pausing, e::failed, s::error},

    transition{s::paused, e::resume_begun, s::resuming},
    transition{s::paused, e::connection_lost, s::error_runtime_disconnected},
    transition{s::paused, e::stop_begun, s::stopping},
    transition{s::paused, e::failed, s::error},

    transition{s::resuming, e::runtime_up, s::runtime_started},
    // One that is taken up while it is paused stays so.
    transition{s::resuming, e::pause_done, s::paused},
    transition{s::resuming, e::connection_lost, s::error_runtime_disconnected},
    transition{s::resuming, e::stop_begun, s::stopping},
    transition{s::resuming, e::failed, s::error},
    transition{s::resuming, e::ran_out_of_memory, s::error_memory},

    // A disconnected sandbox may answer again, or be resumed by its provider.
    transition{s::error_runtime_disconnected, e::resume_begun, s::resuming},
    transition{s::error_runtime_disconnected, e::became_ready, s::ready},
    transition{s::error_runtime_disconnected, e::stop_begun, s::stopping},
    transition{s::error_runtime_disconnected, e::failed, s::error},
    transition{s::error_runtime_disconnected, e::ran_out_of_memory, s::error_memory},

    // What failed is still taken away.
    transition{s::error, e::stop_begun, s::stopping},
    transition{s::error_memory, e::stop_begun, s::stopping},

    transition{s::stopping, e::stop_done, s::stopped},
    transition{s::stopping, e::failed, s::error},
};

} // namespace

std::span<const transition> transitions() noexcept {
  return table;
}

std::optional<sandbox_state> next_state(sandbox_state from, lifecycle_event event) noexcept {
  const auto* row = std::ranges::find_if(
      table, [&](const transition& t) { return t.from == from && t.event == event; });
  if (row == table.end())
    return std::nullopt;
  return row->to;
}

bool is_final(sandbox_state state) noexcept {
  return std::ranges::none_of(table, [&](const transition& t) { return t.from == state; });
}

std::string_view to_string(lifecycle_event event) noexcept {
  switch (event) {
  case e::build_begun:
    return "build_begun";
  case e::start_begun:
    return "start_begun";
  case e::runtime_up:
    return "runtime_up";
  case e::setup_begun:
    return "setup_begun";
  case e::hooks_begun:
    return "hooks_begun";
  case e::became_ready:
    return "became_ready";
  case e::pause_begun:
    return "pause_begun";
  case e::pause_done:
    return "pause_done";
  case e::resume_begun:
    return "resume_begun";
  case e::connection_lost:
    return "connection_lost";
  case e::stop_begun:
    return "stop_begun";
  case e::stop_done:
    return "stop_done";
  case e::failed:
    return "failed";
  case e::ran_out_of_memory:
    return "ran_out_of_memory";
  }
  return "unknown";
}

} // namespace sandfleet::core
