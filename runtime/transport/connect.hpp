#pragma once

#include "runtime/transport/endpoint.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>

namespace sandfleet::transport {

/// Connects to the endpoint, by the first of its addresses that answers.
boost::asio::awaitable<boost::system::error_code>
connect_socket(boost::asio::generic::stream_protocol::socket& socket, const endpoint& where);

} // namespace sandfleet::transport
