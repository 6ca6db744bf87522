#pragma once

#include "runtime/journal/store.hpp"
#include "runtime/protocol/remote_api.hpp"
#include "runtime/transport/http_upstream.hpp"
#include "runtime/transport/op.hpp"

#include <sandfleet/sandbox.hpp>

#include <memory>
#include <mutex>
#include <optional>

namespace sandfleet::actors {
struct route;
}

namespace sandfleet::service {

/// The way to a sandbox's agent at one moment.
struct member_route {
  std::uint64_t generation = 0; ///< 0: there is none, it is to be looked for
  std::optional<transport::http_upstream> agent;
};

/// One sandbox that the service was asked for. Thread-safe.
class member {
 public:
  member(journal::sandbox_row row, protocol::runtime_start asked);

  [[nodiscard]] const sandbox_id& id() const { return id_; }
  [[nodiscard]] journal::sandbox_row row() const;
  [[nodiscard]] const protocol::runtime_start& asked() const { return asked_; }

  /// What clients are told; without `url`.
  [[nodiscard]] protocol::runtime_object describe() const;

  [[nodiscard]] std::optional<sandbox> box() const;
  void started(sandbox box);
  void ended(std::optional<error> why, journal::time_point at);
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] std::optional<error> verdict() const;

  /// The start that is under way, to be cancelled by a stop.
  void starting(transport::op work);
  void cancel_start();

  [[nodiscard]] member_route route(const boost::asio::any_io_executor& executor);

 private:
  [[nodiscard]] sandbox_state state() const;

  const sandbox_id id_;
  const protocol::runtime_start asked_;
  mutable std::mutex mutex_;
  journal::sandbox_row row_;
  std::optional<sandbox> box_;
  std::optional<error> verdict_;
  transport::op start_;
  std::shared_ptr<const actors::route> known_; ///< for which `agent_` was made
  std::optional<transport::http_upstream> agent_;
};

} // namespace sandfleet::service
