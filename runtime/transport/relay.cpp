#include "runtime/transport/relay.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <memory>

namespace sandfleet::transport {

namespace asio = boost::asio;
using boost::system::error_code;
using socket_type = asio::generic::stream_protocol::socket;

namespace {

constexpr std::size_t piece_bytes = std::size_t{64} << 10;

/// One direction. A failure ends both connections, and so the other direction.
asio::awaitable<void> pass(raw_stream& from, raw_stream& to) {
  error_code ec;
  const auto room = std::make_unique<char[]>(piece_bytes);
  if (!from.received.empty())
    co_await asio::async_write(to.socket, asio::buffer(from.received),
                               asio::redirect_error(asio::use_awaitable, ec));
  while (!ec) {
    const auto got = co_await from.socket.async_read_some(
        asio::buffer(room.get(), piece_bytes), asio::redirect_error(asio::use_awaitable, ec));
    if (got > 0)
      co_await asio::async_write(to.socket, asio::buffer(room.get(), got),
                                 asio::redirect_error(asio::use_awaitable, ec));
  }
  error_code ignored;
  if (ec == asio::error::eof)
    to.socket.shutdown(socket_type::shutdown_send, ignored);
  else
    for (auto* side : {&from, &to})
      side->socket.close(ignored);
}

} // namespace

asio::awaitable<void> relay(raw_stream one, raw_stream other) {
  using namespace asio::experimental::awaitable_operators;
  co_await (pass(one, other) && pass(other, one));
}

} // namespace sandfleet::transport
