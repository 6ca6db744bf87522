#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/spec.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace sandfleet {

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

  /// How long a container's image may take to come or to be built, beside a start's own time.
  std::chrono::milliseconds image_timeout{1'800'000};
  std::string image_repository = "sandfleet/runtime"; ///< of images with `extra_deps`
};

/// Says which setting has a bad value and what is allowed.
[[nodiscard]] result<void> validate(const settings& s);

} // namespace sandfleet
