#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/sandbox.hpp>
#include <sandfleet/settings.hpp>
#include <sandfleet/spec.hpp>
#include <sandfleet/status.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace sandfleet {

/// What the engine removed at its start because the engine that owned it had died.
struct recovered {
  std::vector<sandbox_id> removed;
  std::vector<error> failures;
};

/// Ends a status subscription when it is destroyed. May outlive the engine.
class subscription {
 public:
  subscription() = default;
  explicit subscription(std::shared_ptr<void> token) : token_(std::move(token)) {}

 private:
  std::shared_ptr<void> token_;
};

/// Starts sandboxes and owns them. Thread-safe. Nothing is global: several engines may live in one
/// process. Every awaitable may be awaited from any executor and obeys Asio's cancellation slots;
/// none throws: failures are values.
class engine {
 public:
  /// Reads nothing but `s`; makes the state directory when it is missing, and removes what engines
  /// that died have left on this machine. Blocks meanwhile. Errors: `invalid_configuration`,
  /// `not_found` (agent or launcher program), `io_error`.
  static result<engine> create(settings s);

  engine(engine&&) noexcept;
  engine& operator=(engine&&) noexcept;

  /// Kills what still runs (as `stop` does) and joins the engine's threads. Blocks; must not run on
  /// one of those threads. Handles of sandboxes may live on: their calls answer `shutting_down`.
  ~engine();

  /// What `create` removed, and what of it could not be removed.
  [[nodiscard]] const recovered& found_at_start() const;

  /// Completes when the sandbox accepts actions. Failed starts are retried as the settings say
  /// before this fails. After an error or a cancellation nothing of the sandbox is left.
  boost::asio::awaitable<result<sandbox>> start(sandbox_spec spec);

  /// Calls `observer` for each change of state of each sandbox, in order for each sandbox, on a
  /// thread of the engine. The observer must not block and must not destroy the engine.
  [[nodiscard]] subscription on_status(std::function<void(const status_event&)> observer);

  /// Admits no new work, stops every sandbox, and completes when all are gone.
  boost::asio::awaitable<result<void>> stop();

  /// The engine's own threads, for callers that have no executor.
  [[nodiscard]] boost::asio::any_io_executor executor() const;

 private:
  struct impl;
  explicit engine(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet
