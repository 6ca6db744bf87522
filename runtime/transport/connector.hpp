#pragma once

#include "runtime/transport/endpoint.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <memory>
#include <optional>

namespace sandfleet::transport {

/// What lies between a socket that a connector gave out and its endpoint. Thread-safe.
class carrier {
 public:
  virtual ~carrier() = default;

  /// The endpoint was reached, and is the one that was meant.
  [[nodiscard]] virtual bool is_established() const = 0;

  /// Why the connection could not be made, or why it broke. Nothing while it lives, and when it
  /// ended in order; an end that a socket shows is one in order only then.
  [[nodiscard]] virtual std::optional<error> failure() const = 0;
};

struct carried_socket {
  boost::asio::generic::stream_protocol::socket socket;
  std::shared_ptr<const carrier> by;
};

/// How connections to endpoints are made where a plain socket to them will not do. Thread-safe.
class connector {
 public:
  virtual ~connector() = default;

  /// A socket that can be used at once: what is written waits until the endpoint is reached.
  /// Closing it ends what goes on for it. Its handlers run on `executor`. Errors: `io_error`
  /// (descriptors).
  [[nodiscard]] virtual result<carried_socket> connect(const boost::asio::any_io_executor& executor,
                                                       const endpoint& where) = 0;
};

} // namespace sandfleet::transport
