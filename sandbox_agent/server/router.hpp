#pragma once

#include "sandbox_agent/server/context.hpp"

#include <boost/asio/awaitable.hpp>

namespace sandfleet::agent {

/// Answers one request.
boost::asio::awaitable<void> route(context& with, transport::http_exchange& exchange);

} // namespace sandfleet::agent
