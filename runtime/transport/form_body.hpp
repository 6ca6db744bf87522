#pragma once

#include "runtime/protocol/multipart.hpp"
#include "runtime/transport/http_server.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/awaitable.hpp>

namespace sandfleet::transport {

/// Reads a request's multipart/form-data body to its end. Errors: those of the exchange, of
/// `protocol::multipart_reader` and of the sink.
boost::asio::awaitable<result<void>> read_form(http_exchange& exchange,
                                               protocol::multipart_reader::sink into);

} // namespace sandfleet::transport
