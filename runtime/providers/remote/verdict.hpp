#pragma once

#include "runtime/protocol/remote_api.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>

#include <optional>

/// What a runtime service says of a sandbox, and what that means. Pure.
namespace sandfleet::providers::remote {

enum class condition {
  ready,
  coming, ///< not yet, or not at this moment
  paused,
  ended, ///< it will not come back
};

struct judgement {
  condition now = condition::coming;
  std::optional<error> why; ///< of one that has ended: class, cause, and the service's evidence
};

/// `was_ready`: whether it could be used before.
[[nodiscard]] judgement judge(const sandbox_id& id, const protocol::runtime_object& told,
                              bool was_ready);

/// The service does not know it any more.
[[nodiscard]] error vanished(const sandbox_id& id);

} // namespace sandfleet::providers::remote
