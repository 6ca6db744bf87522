#include <sandfleet/status.hpp>

namespace sandfleet {

std::string_view to_string(sandbox_state state) noexcept {
  switch (state) {
  case sandbox_state::created:
    return "STATUS$CREATED";
  case sandbox_state::starting_runtime:
    return "STATUS$STARTING_RUNTIME";
  case sandbox_state::building_runtime:
    return "STATUS$BUILDING_RUNTIME";
  case sandbox_state::runtime_started:
    return "STATUS$RUNTIME_STARTED";
  case sandbox_state::setting_up_workspace:
    return "STATUS$SETTING_UP_WORKSPACE";
  case sandbox_state::setting_up_git_hooks:
    return "STATUS$SETTING_UP_GIT_HOOKS";
  case sandbox_state::ready:
    return "STATUS$READY";
  case sandbox_state::pausing:
    return "STATUS$PAUSING";
  case sandbox_state::paused:
    return "STATUS$PAUSED";
  case sandbox_state::resuming:
    return "STATUS$RESUMING";
  case sandbox_state::stopping:
    return "STATUS$STOPPING";
  case sandbox_state::stopped:
    return "STATUS$STOPPED";
  case sandbox_state::error:
    return "STATUS$ERROR";
  case sandbox_state::error_runtime_disconnected:
    return "STATUS$ERROR_RUNTIME_DISCONNECTED";
  case sandbox_state::error_memory:
    return "STATUS$ERROR_MEMORY";
  }
  return "STATUS$UNKNOWN";
}

} // namespace sandfleet
