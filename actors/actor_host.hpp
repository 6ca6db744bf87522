#pragma once

#include "actors/control_plane.hpp"
#include "actors/gateway.hpp"
#include "actors/turn_board.hpp"
#include "runtime/journal/store.hpp"

#include <memory>
#include <vector>

namespace sandfleet::actors {

/// What the control plane gives to its actors.
struct host_parts {
  control_settings settings;
  std::vector<std::shared_ptr<providers::provider>> providers;
  boost::asio::any_io_executor io;
  health_probe probe;
  status_observer observer;
  std::shared_ptr<turn_board> board;
  std::unique_ptr<journal::store> journal; ///< may be null
};

/// Owns the actor system with its root actors. Its destructor ends them all, which takes at most
/// the stop grace and what killed actors need, and then the system.
class actor_host {
 public:
  explicit actor_host(host_parts parts);
  ~actor_host();
  actor_host(const actor_host&) = delete;
  actor_host& operator=(const actor_host&) = delete;

  /// Stays usable after the host is gone; then every call is answered `shutting_down`.
  [[nodiscard]] std::shared_ptr<gateway> way_in() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet::actors
