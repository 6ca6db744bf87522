#pragma once

#include "runtime/transport/connector.hpp"
#include "runtime/transport/endpoint.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandfleet::transport {

using header_list = std::vector<std::pair<std::string, std::string>>;

struct http_request {
  std::string method = "GET"; ///< as in RFC 9110, upper case
  std::string target = "/";   ///< origin form, already percent-encoded
  header_list headers;        ///< Host, Content-Length and Connection are added
  std::string body;
  /// When set, the body is what this gives piece by piece, in chunks; an empty piece is its end,
  /// and a failure is the request's.
  std::function<boost::asio::awaitable<result<std::string>>()> next_piece;
  std::chrono::milliseconds timeout{30'000}; ///< for the whole exchange, connecting included
  std::size_t max_reply_bytes = 64U << 20;   ///< a longer body is `limit_exceeded`
  /// When set, the reply's body goes here piece by piece with the reply's status; the first, maybe
  /// empty, when its head has come. `http_reply::body` stays empty and `max_reply_bytes` does not
  /// apply. Called on the connection's strand.
  std::function<void(int, std::string_view)> on_body;
};

struct http_reply {
  int status = 0;
  header_list headers; ///< names in lower case
  std::string body;

  /// The value of a header by its lower-case name; empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Keep-alive HTTP/1.1 connections to one endpoint. Thread-safe; requests made while others are
/// under way take further connections. A request that fails on a kept connection before any byte of
/// a reply arrived is sent again once on a new connection only if its method is GET, PUT or HEAD.
/// Errors: `connection_failed` (could not connect, or it broke), `timed_out`, `limit_exceeded`,
/// `protocol_error`, `cancelled`. Any HTTP status is a success at this level.
class http_client {
 public:
  /// `by`: makes the connections; empty: they are plain. Its errors are those of requests too.
  http_client(boost::asio::any_io_executor executor, endpoint where, std::size_t max_idle = 4,
              std::shared_ptr<connector> by = nullptr);

  /// Copies share one pool. The client may go away before its requests have completed.
  boost::asio::awaitable<result<http_reply>> send(http_request request);

  /// Closes the connections that nobody uses, and keeps none from here on: those of a connector are
  /// work of the executor while they are open.
  void keep_none();

  [[nodiscard]] const endpoint& where() const;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace sandfleet::transport
