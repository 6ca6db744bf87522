#pragma once

#include "actors/control_plane.hpp"

#include <sandfleet/engine.hpp>
#include <sandfleet/sandbox.hpp>

#include <memory>

namespace sandfleet::engine_detail {

/// What the service in the same process needs of an engine beside its public API.
struct access {
  /// Lives as long as the engine.
  static actors::control_plane& control_of(engine& of);
  /// Where its agent is; null while it is paused or has ended.
  static std::shared_ptr<const actors::route> route_of(const sandbox& of);
};

} // namespace sandfleet::engine_detail
