#pragma once

#include "runtime/transport/endpoint.hpp"
#include "runtime/transport/http_client.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::transport {

/// Why a WebSocket is closed (RFC 6455, 7.4.1).
enum class close_code : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  bad_payload = 1007, ///< a message that is none of the protocol's
  policy = 1008,      ///< one that may not come now
};

struct websocket_message {
  bool is_text = false;
  std::string_view payload; ///< valid until the next `read`
};

struct websocket_request {
  std::string target = "/";                  ///< origin form, already percent-encoded
  header_list headers;                       ///< beside those of the handshake
  std::chrono::milliseconds timeout{30'000}; ///< until the connection is open
  std::size_t max_message_bytes = 1U << 20;
};

struct websocket_outcome;

/// One end of a WebSocket (RFC 6455), without extensions. One `read` and one `write_*` may be under
/// way side by side, on the executor of the connection; pings are answered while one reads. Its
/// destructor drops the connection. Errors: `connection_failed`; `cancelled`; `protocol_error` and
/// `limit_exceeded` when the other side broke the rules, which it has been told by then.
class websocket {
 public:
  /// None. Only assignment and destruction are allowed.
  websocket() = default;
  websocket(websocket&&) noexcept;
  websocket& operator=(websocket&&) noexcept;
  ~websocket();

  /// Connects; the connection lives on `executor`, and is made by `by` where that is given. What
  /// the server replied when it declined is no error. Errors also: `timed_out`, and those of `by`.
  static boost::asio::awaitable<result<websocket_outcome>>
  open(boost::asio::any_io_executor executor, endpoint where, websocket_request request,
       std::shared_ptr<connector> by = nullptr);

  /// The next message; nothing when the other side has closed in order.
  boost::asio::awaitable<result<std::optional<websocket_message>>> read();
  boost::asio::awaitable<result<void>> write_text(std::string_view text);
  boost::asio::awaitable<result<void>> write_bytes(std::string_view bytes);

  /// Closes in order, as far as the other side takes part within seconds. `reason` has at most 123
  /// bytes. A `read` under way ends.
  boost::asio::awaitable<void> close(close_code code, std::string_view reason);

  /// Completes when the other side has ended the connection, whatever of it is still unread; or
  /// when it was dropped here.
  boost::asio::awaitable<void> gone();

  /// Ends what is under way, and the connection.
  void drop();

  struct impl;
  explicit websocket(std::shared_ptr<impl> made);

 private:
  boost::asio::awaitable<result<void>> write(bool is_text, std::string_view payload);

  std::shared_ptr<impl> impl_;
};

/// The connection, or what the server replied when it declined.
struct websocket_outcome {
  std::optional<websocket> connection;
  http_reply reply;
};

} // namespace sandfleet::transport
