#pragma once

#include "runtime/transport/http_base.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>
#include <sandfleet/listing.hpp>
#include <sandfleet/spec.hpp>
#include <sandfleet/usage.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sandfleet::providers {

/// A sandbox whose agent answers: where, with which key, and which limits hold.
struct instance {
  sandbox_id id;
  transport::http_base agent;
  std::string session_key; ///< for X-Session-API-Key; never logged
  limits_report limits;
  std::string workspace; ///< the first directory, as seen inside; empty: as specified
  bool paused = false;   ///< it is to be resumed before it answers
  std::vector<published_port> ports;
  bool foreign = false; ///< another program's: it can be used, but not stopped or kept
};

/// How a sandbox ended. `failure` is empty when it ended because it was asked to.
struct exit_report {
  std::optional<int> exit_code; ///< of the sandbox's first process
  std::optional<int> signal;
  resource_usage usage;
  std::optional<error> failure; ///< class, cause and evidence of an end that nobody asked for
};

enum class instance_state : std::uint8_t { running, paused, gone };

/// What a start may have to wait for before it can make anything.
enum class preparation : std::uint8_t {
  image_pull,
  image_build,
};

struct start_request {
  sandbox_id id;
  std::shared_ptr<const sandbox_spec> spec;
  /// Told that the start merely waits from now on; on any thread; may be empty.
  std::function<void(preparation)> on_preparing{};
  /// Awaited when that wait has ended well; completes when there is room for the start to go on.
  /// `cancelled` when nobody wants it any more. May be empty.
  std::function<boost::asio::awaitable<result<void>>()> go_on{};
};

struct stop_request {
  sandbox_id id;
  std::chrono::milliseconds grace{0}; ///< between SIGTERM and SIGKILL; 0: kill at once
};

struct keep_request {
  sandbox_id id;
  std::chrono::milliseconds time_to_live{0}; ///< from now on; 0: without end
};

/// What a provider can do beyond start, stop and inspect.
struct capabilities {
  bool pause = false;
  bool survives_engine = false; ///< its sandboxes can outlive the engine and be adopted
  /// Longest time that a start may take beside its `start_timeout`, for what it needs first.
  std::chrono::milliseconds preparation{0};
};

/// What `recover` found and did.
struct recovery_report {
  std::vector<removed_sandbox> removed; ///< left behind by owners that are gone
  std::vector<error> failures;          ///< what could not be removed, and why
  bool busy = false;                    ///< another program is doing it: nothing was looked at
};

enum class recovery_mode : std::uint8_t {
  remove,
  look, ///< `removed` is what would be removed
};

/// Makes sandboxes and takes them away. Every member may be called from any executor, several
/// sandboxes at a time; a coroutine may be cancelled at any suspension. Errors:
///   start    task: the spec is wrong, the image is missing. infrastructure: may be tried again;
///            nothing of the failed attempt is left. After a cancelled start nothing is left.
///   wait     completes once, when the sandbox has ended for whatever cause.
///   stop     is idempotent: a sandbox that is gone answers its last report, or `not_found`;
///            another program's is `permission_denied`.
///   attach   takes up a sandbox that this provider did not start: one that was kept, or one of
///            another program that lives. `not_found` when there is none, `unsupported` when this
///            provider cannot.
///   pause    holds a sandbox still; `resume` of one that is not paused answers where it is.
///   keep     makes a sandbox outlive the provider. Asked again, it sets a new time to live. After
///            a failure the sandbox is what it was before.
///   release  forgets a sandbox that was kept or attached, without taking it away; whoever waits
///            for its end is answered `cancelled`.
///   recover  never fails as a whole; what it could not remove is in the report.
class provider {
 public:
  virtual ~provider() = default;

  [[nodiscard]] virtual provider_name name() const = 0;
  [[nodiscard]] virtual capabilities can() const = 0;

  /// Completes when the agent accepts actions (its bash is at its prompt), or fails.
  virtual boost::asio::awaitable<result<instance>> start(start_request request) = 0;
  virtual boost::asio::awaitable<result<exit_report>> wait(sandbox_id id) = 0;
  virtual boost::asio::awaitable<result<exit_report>> stop(stop_request request) = 0;
  virtual boost::asio::awaitable<result<instance_state>> inspect(sandbox_id id) = 0;
  virtual boost::asio::awaitable<result<void>> pause(sandbox_id id) = 0;
  virtual boost::asio::awaitable<result<instance>> resume(sandbox_id id) = 0;

  virtual boost::asio::awaitable<result<instance>> attach(sandbox_id id) = 0;
  virtual boost::asio::awaitable<result<void>> keep(keep_request request) = 0;
  virtual boost::asio::awaitable<result<void>> release(sandbox_id id) = 0;

  /// Every sandbox of this user that the provider knows of, whoever started it.
  virtual boost::asio::awaitable<result<std::vector<sandbox_info>>> list() = 0;

  /// Finds what engines that died left behind, kept sandboxes excepted, and removes it.
  virtual boost::asio::awaitable<result<recovery_report>> recover(recovery_mode mode) = 0;

  /// Ends what it does beside its sandboxes; nothing is asked of it from here on.
  virtual void close() {}
};

} // namespace sandfleet::providers
