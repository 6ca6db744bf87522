#pragma once

#include "runtime/service/fleet.hpp"
#include "runtime/transport/http_server.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace sandfleet::service {

/// Passes a request on to a sandbox's agent and its reply back, piece by piece: nothing is kept of
/// bodies. `target` is what the agent is asked for. A sandbox that is paused is resumed first. What
/// cannot be passed on is answered as JSON with class, cause and evidence.
boost::asio::awaitable<void> pass_on(fleet& all, member_ptr which, address to,
                                     transport::http_exchange& exchange);

} // namespace sandfleet::service
