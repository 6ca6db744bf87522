#pragma once

#include "runtime/transport/endpoint.hpp"
#include "runtime/transport/http_client.hpp"
#include "runtime/transport/relay.hpp"
#include "runtime/transport/websocket.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::transport {

struct http_server_options {
  std::size_t max_header_bytes = 32U << 10;
  /// When one more comes, that whose client has been waited for longest is closed; while all are at
  /// work it waits in the kernel's queue.
  std::size_t max_connections = 1024;
  /// For a request's head from its first byte on, and then for each piece of its body and for each
  /// piece of a reply that the client takes. Between requests a client may be silent for ever.
  std::chrono::milliseconds io_timeout{30'000};
  /// What a client has to manage, in bytes a second, when it is waited for longer than `io_timeout`
  /// in the course of one body or one reply.
  std::uint64_t least_rate = 1024;
  /// Called when most of many connections have ended, so that what they took can be given back.
  std::function<void()> crowd_left;
  /// Whether several threads run the executor: each connection then gets a strand.
  bool concurrent = true;
  /// Given each accepted connection; what it gives is served in the connection's place, on the same
  /// executor, and has to end with it both ways. Empty: connections are served as they are.
  std::function<result<boost::asio::generic::stream_protocol::socket>(
      boost::asio::generic::stream_protocol::socket)>
      carry;
};

/// One request and its reply. Lives as long as its handler runs and is used by it alone.
/// Errors of reading and writing: `connection_failed`, `timed_out`, `protocol_error`,
/// `limit_exceeded`; after one the handler has nothing more to do than to return.
class http_exchange {
 public:
  http_exchange(const http_exchange&) = delete;
  http_exchange& operator=(const http_exchange&) = delete;

  [[nodiscard]] std::string_view method() const;
  /// Percent-decoded, without the query.
  [[nodiscard]] const std::string& path() const;
  /// The first parameter of that name, decoded ('+' is a blank); nothing when it is absent.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
  /// All of that name, in their order.
  [[nodiscard]] std::vector<std::string> queries(std::string_view name) const;
  /// By its name in any case; empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  [[nodiscard]] std::optional<std::uint64_t> content_length() const;
  /// The request's target and headers as they came.
  [[nodiscard]] std::string_view target() const;
  [[nodiscard]] const header_list& headers() const;

  /// The whole body; `limit_exceeded` when it is longer.
  boost::asio::awaitable<result<std::string>> read_body(std::size_t max_bytes);
  /// The next piece of the body, valid until the next call; empty at its end.
  boost::asio::awaitable<result<std::string_view>> read_piece();

  /// The whole reply.
  boost::asio::awaitable<result<void>> reply(int status, header_list headers, std::string body);
  /// A reply in pieces: its head now, chunked unless the length is told. It ends when the handler
  /// returns; `abandon` breaks the connection instead, so that a client sees that it is not whole.
  boost::asio::awaitable<result<void>> begin_reply(int status, header_list headers,
                                                   std::optional<std::uint64_t> length = {});
  boost::asio::awaitable<result<void>> write(std::string_view piece);
  void abandon();

  /// Whether the request is a WebSocket's opening handshake (RFC 6455, 4.1).
  [[nodiscard]] bool asks_for_websocket() const;
  /// Answers the handshake and gives the connection away: the handler has nothing more to reply.
  /// One that is malformed in detail is refused by its own answer. When the server stops, the
  /// handler is cancelled without a grace.
  boost::asio::awaitable<result<websocket>> accept_websocket(std::size_t max_message_bytes);

  /// Answers with these bytes, a head of status 101, and gives the connection away, as
  /// `accept_websocket` does, with what the client has sent behind its request.
  boost::asio::awaitable<result<raw_stream>> upgrade(std::string head);

  [[nodiscard]] bool replied() const; ///< a reply was begun
  [[nodiscard]] int status() const;   ///< of the reply; 0 while there is none
  [[nodiscard]] bool abandoned() const;

  /// From here on, and until the handler returns, the handler's work is cancelled (by Asio's
  /// cancellation slot) when the client goes away. To be called once the body is read.
  void cancel_when_client_goes();

 private:
  friend struct http_connection;
  explicit http_exchange(struct http_connection& connection) : connection_(connection) {}
  struct http_connection& connection_;
};

/// An HTTP/1.1 server: keep-alive, `Expect: 100-continue`, chunked bodies both ways.
class http_server {
 public:
  /// Answers one request. A handler that returns without a reply, or throws, is answered 500.
  using handler = std::function<boost::asio::awaitable<void>(http_exchange&)>;

  http_server(boost::asio::any_io_executor executor, handler handle,
              http_server_options options = {});
  ~http_server(); ///< closes what is open; handlers are cancelled
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// Starts to accept. A socket file that nobody listens on any more is replaced; ours is removed
  /// when the server ends. Errors: `io_error`, `already_exists`, `invalid_argument`.
  result<void> listen(const endpoint& where);
  /// The same on a stream socket that listens already; takes it over.
  result<void> listen_fd(int fd);
  /// The TCP port that was bound; 0 for other sockets.
  [[nodiscard]] std::uint16_t port() const;

  /// Accepts no more, closes idle connections, and completes when the requests under way are
  /// answered; those that take longer than `grace` are cancelled.
  boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace sandfleet::transport
