#pragma once

#include "runtime/core/backoff.hpp"
#include "runtime/journal/store.hpp"
#include "runtime/providers/provider.hpp"
#include "runtime/transport/http_base.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>
#include <sandfleet/listing.hpp>
#include <sandfleet/spec.hpp>
#include <sandfleet/status.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

/// The actors seen from outside: no CAF type appears here.
namespace sandfleet::actors {

/// Where a sandbox's agent is. A later generation replaces an earlier one after a resumption.
struct route {
  std::uint64_t generation = 0;
  transport::http_base agent;
  std::string session_key;
};

/// What a sandbox actor publishes for the data plane. Read from any thread without a message.
class sandbox_link {
 public:
  [[nodiscard]] sandbox_state state() const noexcept { return state_.load(); }
  [[nodiscard]] std::shared_ptr<const route> current_route() const; ///< null before it is ready

  void publish_state(sandbox_state state) noexcept { state_.store(state); }
  void publish_route(std::shared_ptr<const route> next);

 private:
  std::atomic<sandbox_state> state_{sandbox_state::created};
  mutable std::mutex mutex_;
  std::shared_ptr<const route> route_;
};

/// A sandbox that has become ready.
struct ready_sandbox {
  sandbox_id id;
  std::shared_ptr<const sandbox_link> link;
  limits_report limits;
  std::string workspace; ///< empty: as specified
  std::vector<published_port> ports;
};

/// The right to run one action in one bash session. Given back when it is destroyed.
class turn {
 public:
  turn() = default;
  explicit turn(std::shared_ptr<void> token) : token_(std::move(token)) {}

 private:
  std::shared_ptr<void> token_;
};

/// How far the set-up of a sandbox's workspace is.
enum class setup_step : std::uint8_t { begun, workspace, git_hooks, over };

class gateway;

/// A set-up that goes on; it is over when this is destroyed.
class setup_mark {
 public:
  setup_mark(std::shared_ptr<gateway> way_in, sandbox_id id, std::uint64_t number);
  setup_mark(setup_mark&&) noexcept = default;
  setup_mark& operator=(setup_mark&&) = delete;
  ~setup_mark();
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  friend class control_plane;
  std::shared_ptr<gateway> way_in_;
  sandbox_id id_;
  std::uint64_t number_;
};

struct control_settings {
  unsigned max_parallel_starts = 4; ///< for each provider
  core::backoff_policy start_retry;
  std::chrono::milliseconds health_interval{30'000}; ///< 0: none
  std::chrono::milliseconds health_timeout{10'000};
  bool pause_at_close = false;                 ///< those started here that stay
  std::chrono::milliseconds stop_grace{5'000}; ///< for children at shutdown, before they are killed
};

/// Asks an agent whether it is alive, within the time given. Supplied by the engine, so that the
/// actors know nothing of HTTP.
using health_probe = std::function<boost::asio::awaitable<result<void>>(transport::http_base,
                                                                        std::chrono::milliseconds)>;

using status_observer = std::function<void(const status_event&)>;

/// Owns the actor system: supervisor, one provider actor for each provider, and for each sandbox
/// its actor with its health checker and bash session actors. Thread-safe. Awaitables complete on
/// the caller's executor and obey its cancellation slot: a cancelled start takes away what it
/// began.
class control_plane {
 public:
  control_plane(control_settings settings,
                std::vector<std::shared_ptr<providers::provider>> all_providers,
                boost::asio::any_io_executor io, health_probe probe, status_observer observer,
                std::unique_ptr<journal::store> journal = nullptr);

  /// Runs `shutdown` with nobody waiting, if that was not done before.
  ~control_plane();
  control_plane(const control_plane&) = delete;
  control_plane& operator=(const control_plane&) = delete;

  /// Completes when the sandbox is ready, or with the error of the last attempt.
  boost::asio::awaitable<result<ready_sandbox>>
  start_sandbox(sandbox_id id, std::shared_ptr<const sandbox_spec> spec);

  /// Takes up a sandbox of a provider (empty: the only one) that somebody else started, and that
  /// then stays when the control plane ends. One that is known already is simply answered.
  boost::asio::awaitable<result<ready_sandbox>> attach_sandbox(sandbox_id id,
                                                               provider_name provider);

  /// Makes a sandbox stay when the control plane ends, for so long from now on; 0: without end.
  boost::asio::awaitable<result<void>> keep_sandbox(sandbox_id id, std::chrono::milliseconds life);

  /// Holds a sandbox still. Whoever reports that it has no route, and `resume_sandbox`, wakes it.
  boost::asio::awaitable<result<void>> pause_sandbox(sandbox_id id);
  boost::asio::awaitable<result<void>> resume_sandbox(sandbox_id id);

  /// One set-up of a sandbox's workspace at a time: `already_exists` while there is another. Its
  /// steps are shown as the sandbox's state where that would be `ready`.
  boost::asio::awaitable<result<setup_mark>> begin_setup(sandbox_id id);
  boost::asio::awaitable<result<void>> advance_setup(const setup_mark& mark, setup_step step);

  /// Forgets a sandbox that was kept or attached; later calls answer `not_found`.
  boost::asio::awaitable<result<void>> detach_sandbox(sandbox_id id);

  /// What all providers know of, whoever started it.
  boost::asio::awaitable<result<std::vector<sandbox_info>>> list_sandboxes();

  /// Completes when the sandbox is gone. Idempotent; an unknown id is `not_found`.
  boost::asio::awaitable<result<providers::exit_report>> stop_sandbox(sandbox_id id);

  /// The data plane saw `seen` while it used `generation` of a sandbox's route (0: it found none).
  /// The sandbox actor finds out what became of it and answers the route to use next, or the
  /// verdict to give to the caller (class, cause and the provider's evidence).
  boost::asio::awaitable<result<std::shared_ptr<const route>>>
  report_failure(sandbox_id id, std::uint64_t generation, error seen);

  /// Waits for the turn of a session. Costs no message when nobody else holds it. Fails with
  /// `sandbox_lost` or the sandbox's verdict when the sandbox ends while waiting, `timed_out` after
  /// `timeout`.
  boost::asio::awaitable<result<turn>> take_turn(sandbox_id id, session_name session,
                                                 std::chrono::milliseconds timeout);

  /// Does something with the journal, on its own thread, after all that was asked for before.
  /// False when there is none, or no more.
  bool record(std::function<void(journal::store&)> job);

  /// Stops admitting (`shutting_down`), stops every sandbox that was neither kept nor attached,
  /// ends the actors in reverse order. Completes when all are gone. Blocks nothing but its caller.
  boost::asio::awaitable<result<void>> shutdown();

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace sandfleet::actors
