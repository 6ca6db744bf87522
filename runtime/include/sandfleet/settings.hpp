#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/remote.hpp>
#include <sandfleet/spec.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace sandfleet {

/// What becomes of the sandboxes that an engine has started, when nobody stops them.
enum class close_action : std::uint8_t {
  stop,  ///< they end with the engine, however that ends
  keep,  ///< they are kept (`sandbox::keep`) from their start on
  pause, ///< the same, and paused when the engine is closed in order
};

/// What an engine needs to know. `runtime/core/config.hpp` reads these from flags, environment and
/// file; a program that embeds the engine fills them in itself. The defaults work.
struct settings {
  provider_name provider{"local"};
  std::string image = "host";
  isolation_mode isolation = isolation_mode::namespaces;

  /// Where the registry and the sockets live. Empty: /run/sandfleet for root,
  /// $XDG_RUNTIME_DIR/sandfleet or /tmp/sandfleet-UID for others. At most 60 bytes, because the
  /// path of a unix socket is limited.
  std::string state_dir;

  /// Whether an engine, when it is created, removes what engines that died have left.
  bool clean_up_at_start = true;

  /// Programs. Empty: beside the running program, then ../libexec/sandfleet, then PATH,
  /// then /usr/local/libexec/sandfleet and /usr/libexec/sandfleet.
  std::string agent_program;
  std::string launcher_program;

  unsigned io_threads = 1;          ///< 1 to 64
  unsigned max_parallel_starts = 0; ///< 0: twice the cores
  unsigned start_attempts = 3;      ///< 1 to 20, the first one included
  std::chrono::milliseconds start_backoff_base{100};
  std::chrono::milliseconds start_backoff_cap{10'000};
  std::chrono::milliseconds health_interval{30'000}; ///< 0: no health checks
  std::chrono::milliseconds health_timeout{10'000};

  close_action at_close = close_action::stop;
  std::chrono::milliseconds keep_for{86'400'000}; ///< time to live of those kept; 0: without end
  /// Whether `engine::stop` takes away what was kept too, by whichever program of this user.
  bool stop_all_at_close = false;

  /// Whether a journal is kept in `state_dir`: a SQLite file with the history of all changes of
  /// state, and what the supervisor notes. By one engine at a time.
  bool journal = false;

  /// How long a container's image may take to come or to be built, beside a start's own time.
  std::chrono::milliseconds image_timeout{1'800'000};
  std::string image_repository = "sandfleet/runtime"; ///< of images with `extra_deps`

  remote_options remote; ///< of the provider remote
};

/// Says which setting has a bad value and what is allowed.
[[nodiscard]] result<void> validate(const settings& s);

} // namespace sandfleet
