#pragma once

// Internal to the two files that instantiate Beast's WebSocket, which takes long to compile. A
// server links only its own, and so no resolver.

#include "runtime/transport/websocket.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <exception>
#include <functional>
#include <utility>

namespace sandfleet::transport {

/// For the other side to agree to an end.
inline constexpr std::chrono::seconds closing_time{3};
inline constexpr std::size_t websocket_write_buffer_bytes = 16U << 10;

/// A socket whose end Beast brings about by our `async_teardown`.
class ending_socket : public boost::asio::generic::stream_protocol::socket {
 public:
  using base = boost::asio::generic::stream_protocol::socket;
  explicit ending_socket(base&& connected) : base(std::move(connected)) {}
};

/// Ends the connection in order, as far as the other side takes part within `closing_time`.
boost::asio::awaitable<void> shut_down(ending_socket& socket);

/// Beast's own waits without a limit. Found by its argument's type.
template <class Handler>
void async_teardown(boost::beast::role_type, ending_socket& socket, Handler&& handler) {
  boost::asio::co_spawn(socket.get_executor(), shut_down(socket),
                        [done = std::forward<Handler>(handler)](const std::exception_ptr&) mutable {
                          std::move(done)(boost::system::error_code());
                        });
}

/// What a failure of the stream means.
[[nodiscard]] error broken_websocket(boost::system::error_code why);

/// Has the kernel find out when the other side has vanished.
void keep_alive(boost::asio::generic::stream_protocol::socket& socket);

struct websocket::impl {
  impl(ending_socket::base&& connected, std::size_t max_message_bytes)
      : stream(std::move(connected)), hang_up(stream.get_executor()) {
    stream.read_message_max(max_message_bytes);
    stream.auto_fragment(false);
    stream.write_buffer_bytes(websocket_write_buffer_bytes);
  }

  void limit_handshake(std::chrono::milliseconds limit) {
    boost::beast::websocket::stream_base::timeout limits{};
    limits.handshake_timeout = limit;
    limits.idle_timeout = boost::beast::websocket::stream_base::none();
    stream.set_option(limits);
  }

  void drop() {
    boost::system::error_code ignored;
    stream.next_layer().close(ignored);
    hang_up.close(ignored);
  }

  boost::beast::websocket::stream<ending_socket, false> stream;
  boost::beast::flat_buffer received;
  boost::asio::posix::stream_descriptor hang_up; ///< readable once the other side has gone
};

} // namespace sandfleet::transport
