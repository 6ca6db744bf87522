#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>
#include <sandfleet/listing.hpp>
#include <sandfleet/sandbox.hpp>
#include <sandfleet/settings.hpp>
#include <sandfleet/spec.hpp>
#include <sandfleet/status.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace sandfleet {

namespace engine_detail {
struct access;
}

/// Ends a status subscription when it is destroyed. May outlive the engine.
class subscription {
 public:
  subscription() = default;
  explicit subscription(std::shared_ptr<void> token) : token_(std::move(token)) {}

 private:
  std::shared_ptr<void> token_;
};

/// What `engine::clean_up` does with what it finds.
enum class clean_up_mode : std::uint8_t { remove, only_look };

/// Starts sandboxes and owns them. Thread-safe. Nothing is global: several engines may live in one
/// process. Every awaitable may be awaited from any executor and obeys Asio's cancellation slots;
/// none throws: failures are values.
class engine {
 public:
  /// Reads nothing but `s`; makes the state directory when it is missing, and removes what engines
  /// that died have left on this machine, unless `s` says otherwise. Blocks meanwhile. Errors:
  /// `invalid_configuration`, `not_found` (agent or launcher program), `io_error`.
  static result<engine> create(settings s);

  engine(engine&&) noexcept;
  engine& operator=(engine&&) noexcept;

  /// Kills what still runs (as `stop` does), kept and attached sandboxes excepted, and joins the
  /// engine's threads. Blocks; must not run on one of those threads. Handles of sandboxes may live
  /// on: their calls answer `shutting_down`.
  ~engine();

  /// What `create` removed, and what of it could not be removed.
  [[nodiscard]] const recovered& found_at_start() const;

  /// Completes when the sandbox accepts actions. Failed starts are retried as the settings say
  /// before this fails. After an error or a cancellation nothing of the sandbox is left.
  boost::asio::awaitable<result<sandbox>> start(sandbox_spec spec);

  /// A handle to a sandbox of this user on this machine: of this engine, one that was kept
  /// (`sandbox::keep`), by whomever, or one of another program that runs. The last can be used,
  /// but neither stopped nor kept: that is `permission_denied`. An attached sandbox stays when this
  /// engine ends. Errors: `not_found`, `connection_failed`, `unsupported`, `shutting_down`.
  boost::asio::awaitable<result<sandbox>> attach(sandbox_id id);

  /// The same by its `sandbox_spec::session_id`.
  boost::asio::awaitable<result<sandbox>> attach_session(std::string session_id);

  /// All sandboxes of this user on this machine in the order of their making, those of other
  /// programs included, with what can be seen of each from outside.
  boost::asio::awaitable<result<std::vector<sandbox_info>>> list();

  /// Removes what engines that died have left, and kept sandboxes whose launcher has died.
  /// `already_exists` while another program is doing that. Blocks one of the engine's threads for
  /// up to some seconds.
  boost::asio::awaitable<result<recovered>> clean_up(clean_up_mode mode = clean_up_mode::remove);

  /// Calls `observer` for each change of state of each sandbox, in order for each sandbox, on a
  /// thread of the engine. The observer must not block and must not destroy the engine.
  [[nodiscard]] subscription on_status(std::function<void(const status_event&)> observer);

  /// Admits no new work, stops every sandbox but those that were kept or attached (or does with
  /// them what `settings::at_close` and `stop_all_at_close` say), and completes when all are gone.
  boost::asio::awaitable<result<void>> stop();

  /// The engine's own threads, for callers that have no executor.
  [[nodiscard]] boost::asio::any_io_executor executor() const;

 private:
  friend struct engine_detail::access;
  struct impl;
  explicit engine(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet
