#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <string>

namespace sandfleet::transport {

/// A connection that has left HTTP, and what was received on it and not read yet.
struct raw_stream {
  boost::asio::generic::stream_protocol::socket socket;
  std::string received;
};

/// Passes bytes on between two connections until both sides have ended theirs, or one breaks; an
/// end in one direction is passed on as such. At most 64 KiB are held for each direction. To be
/// awaited on one strand; a cancellation ends both.
boost::asio::awaitable<void> relay(raw_stream one, raw_stream other);

} // namespace sandfleet::transport
