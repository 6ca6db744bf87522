#pragma once

// Internal to the HTTP clients.

#include "runtime/transport/connector.hpp"
#include "runtime/transport/input_buffer.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace sandfleet::transport {

/// One connection to a server, and what was received on it and not used yet.
struct client_connection {
  explicit client_connection(const boost::asio::any_io_executor& executor) : socket(executor) {}

  /// A kept connection on which anything can be read, or the end seen, is of no more use.
  [[nodiscard]] bool usable();
  /// An end of the stream that is none of the connection's own is a break.
  [[nodiscard]] bool has_failed() const { return by && by->failure(); }

  boost::asio::generic::stream_protocol::socket socket;
  std::shared_ptr<const carrier> by; ///< empty: the socket is the connection
  input_buffer input;
};

/// Connections that can be used again. Thread-safe.
class connection_pool {
 public:
  explicit connection_pool(std::size_t max_idle) : max_idle_(max_idle) {}

  /// The one that was used last; null when there is none.
  std::unique_ptr<client_connection> take();
  void keep(std::unique_ptr<client_connection> used);
  /// Closes those that are idle, and keeps no others.
  void keep_none();

 private:
  std::mutex mutex_;
  std::size_t max_idle_;
  std::vector<std::unique_ptr<client_connection>> idle_;
};

} // namespace sandfleet::transport
