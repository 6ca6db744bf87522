#pragma once

#include "runtime/journal/store.hpp"
#include "runtime/protocol/remote_api.hpp"
#include "runtime/service/addressing.hpp"
#include "runtime/transport/http_upstream.hpp"
#include "runtime/transport/op.hpp"

#include <sandfleet/sandbox.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet::actors {
struct route;
}

namespace sandfleet::service {

/// The way to one of a sandbox's servers at one moment.
struct member_route {
  std::uint64_t generation = 0; ///< 0: there is none, it is to be looked for
  std::optional<transport::http_upstream> server;
};

/// One sandbox that the service was asked for. Thread-safe.
class member {
 public:
  using clock = std::chrono::steady_clock;

  member(journal::sandbox_row row, protocol::runtime_start asked);

  [[nodiscard]] const sandbox_id& id() const { return id_; }
  [[nodiscard]] journal::sandbox_row row() const;
  [[nodiscard]] std::string owner() const;
  [[nodiscard]] std::optional<journal::time_point> expires() const;
  [[nodiscard]] const protocol::runtime_start& asked() const { return asked_; }
  /// Whether it runs a command of its client's in the place of OpenHands' action execution server.
  [[nodiscard]] bool runs_command() const { return runs_command_; }

  /// What clients are told; without `url` and `work_hosts`.
  [[nodiscard]] protocol::runtime_object describe() const;
  /// The port inside on which a server is; 0: the agent itself.
  [[nodiscard]] int port_of(server_kind server) const;

  [[nodiscard]] std::optional<sandbox> box() const;
  void started(sandbox box);
  void ended(std::optional<error> why, sandbox_state state, journal::time_point at);
  [[nodiscard]] bool has_ended() const;
  /// Whether nobody has begun to end it before.
  bool begin_end();
  [[nodiscard]] std::optional<error> verdict() const;

  /// The start that is under way, to be cancelled by a stop.
  void starting(transport::op work);
  void cancel_start();

  [[nodiscard]] member_route route(const boost::asio::any_io_executor& executor,
                                   server_kind server);

  /// What the command of a client came to: it answers on its port, or has ended and is begun again.
  void command_answers();
  void command_ended(std::string reason);
  [[nodiscard]] bool command_is_ready() const;
  void running_command(transport::op work);
  /// Waits for its end no more; it goes on.
  void leave_command();

  /// A request is under way for as long as this lives.
  class use {
   public:
    explicit use(std::shared_ptr<member> of) : of_(std::move(of)) { of_->use_begins(); }
    ~use() {
      if (of_)
        of_->use_ends();
    }
    use(use&& other) noexcept = default;
    use& operator=(use&&) = delete;

   private:
    std::shared_ptr<member> of_;
  };

  /// When nobody has used it for so long; nothing while somebody does, or when it does not run.
  [[nodiscard]] std::optional<clock::time_point> idle_at(std::chrono::seconds patience) const;
  /// Whether it may be paused, being idle still. Uses from here on have it resumed by who pauses
  /// it.
  bool begin_idle_pause(std::chrono::seconds patience);
  /// Whether somebody wants to use it meanwhile. A pause that failed is not tried again before the
  /// next use.
  bool end_idle_pause(bool paused);

 private:
  [[nodiscard]] sandbox_state state() const;
  void use_begins();
  void use_ends();

  const sandbox_id id_;
  const protocol::runtime_start asked_;
  const bool runs_command_;
  mutable std::mutex mutex_;
  journal::sandbox_row row_;
  std::optional<sandbox> box_;
  std::optional<error> verdict_;
  sandbox_state last_ = sandbox_state::stopped; ///< once it has ended
  transport::op start_;
  transport::op command_;
  std::shared_ptr<const actors::route> known_; ///< for which `ways_` were made
  std::map<server_kind, transport::http_upstream> ways_;

  bool command_answers_ = false;
  std::vector<std::string> restart_reasons_; ///< the last few

  std::int64_t uses_ = 0;
  clock::time_point used_ = clock::now();
  bool pausing_ = false;
  bool cannot_pause_ = false;
  bool ending_ = false;
};

} // namespace sandfleet::service
