#include "actors/control_plane.hpp"

namespace sandfleet::actors {

std::shared_ptr<const route> sandbox_link::current_route() const {
  const std::lock_guard lock(mutex_);
  return route_;
}

void sandbox_link::publish_route(std::shared_ptr<const route> next) {
  const std::lock_guard lock(mutex_);
  route_ = std::move(next);
}

} // namespace sandfleet::actors
