#pragma once

#include "actors/restart_window.hpp"
#include "runtime/core/backoff.hpp"

#include <chrono>
#include <cstdint>

namespace sandfleet::actors {

/// How long an actor waits for an answer before it goes on without. `start` includes the time in
/// the provider's queue; a start's own limit is in its specification.
namespace deadlines {

using namespace std::chrono_literals;

inline constexpr std::chrono::nanoseconds start = std::chrono::minutes(60);
inline constexpr std::chrono::nanoseconds provider_start_margin = 2s; ///< beyond start_timeout
inline constexpr std::chrono::nanoseconds provider_cancel = 10s;
inline constexpr std::chrono::nanoseconds provider_stop = 30s;
inline constexpr std::chrono::nanoseconds provider_inspect = 10s;
inline constexpr std::chrono::nanoseconds provider_pause = 30s;
inline constexpr std::chrono::nanoseconds provider_resume = 60s;
inline constexpr std::chrono::nanoseconds provider_attach = 15s;
inline constexpr std::chrono::nanoseconds provider_keep = 15s;
inline constexpr std::chrono::nanoseconds provider_detach = 5s;
inline constexpr std::chrono::nanoseconds provider_list = 30s;
/// For callers from outside: longer than what the sandbox actor may ask for on its way.
inline constexpr std::chrono::nanoseconds outside_start = start + 60s;
inline constexpr std::chrono::nanoseconds outside_stop = 150s;
inline constexpr std::chrono::nanoseconds outside_report = 150s;
inline constexpr std::chrono::nanoseconds outside_attach = 30s;
inline constexpr std::chrono::nanoseconds outside_keep = 30s;
inline constexpr std::chrono::nanoseconds outside_pause = 45s;
inline constexpr std::chrono::nanoseconds outside_setup = 30s;
inline constexpr std::chrono::nanoseconds outside_list = 40s;
inline constexpr std::chrono::nanoseconds outside_shutdown = std::chrono::minutes(10);
/// A connection can break before the provider has noticed the end: so long its news is waited for.
inline constexpr std::chrono::nanoseconds news_of_end = 2s;
inline constexpr std::chrono::nanoseconds probe_margin = 1s; ///< beyond the probe's own time-out
inline constexpr std::chrono::nanoseconds turn_margin = 5s;  ///< beyond the waiter's own time-out
inline constexpr std::chrono::nanoseconds kill = 5s;         ///< for killed actors to be gone

} // namespace deadlines

/// What the actors need to know. `seed` makes their jitter repeatable.
struct actor_settings {
  unsigned max_parallel_starts = 4;
  core::backoff_policy start_retry;
  std::chrono::milliseconds health_interval{30'000}; ///< 0: no health checks
  std::chrono::milliseconds health_timeout{10'000};
  unsigned health_threshold = 3; ///< failures in a row before a sandbox counts as disconnected
  std::chrono::milliseconds stop_grace{5'000};
  bool pause_at_close = false; ///< those started here that stay
  restart_limits restarts;
  std::chrono::milliseconds preparation{0}; ///< of the provider, as its `capabilities` say
  std::uint64_t seed = 0;
};

} // namespace sandfleet::actors
