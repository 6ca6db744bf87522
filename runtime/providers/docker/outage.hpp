#pragma once

#include "runtime/docker/api.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace sandfleet::providers::docker {

/// Whether a call may have failed since the engine went away.
[[nodiscard]] bool may_be_outage(const error& failure);

/// Completes when the engine takes connections again, with `timed_out` when it does not by then, or
/// with `cancelled`. A socket that is not there tells nobody when it is: it is tried again, up to
/// once a second.
[[nodiscard]] boost::asio::awaitable<result<void>>
await_engine(sandfleet::docker::api engine, std::chrono::steady_clock::time_point deadline);

} // namespace sandfleet::providers::docker
