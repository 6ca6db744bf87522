#include "runtime/core/text.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/transport/relay.hpp"
#include "sandbox_agent/server/handlers.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>

namespace sandfleet::agent {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t max_port = 65'535;
constexpr int upgrade_required = 426;
constexpr int bad_gateway = 502;

/// By IPv4 or, where nobody listens there, by IPv6.
asio::awaitable<boost::system::error_code>
connect_to_loopback(asio::generic::stream_protocol::socket& socket, std::uint16_t port) {
  const std::array<asio::ip::address, 2> both = {asio::ip::address_v4::loopback(),
                                                 asio::ip::address_v6::loopback()};
  boost::system::error_code first;
  for (const auto& address : both) {
    boost::system::error_code ec;
    socket.close(ec);
    co_await socket.async_connect(asio::ip::tcp::endpoint(address, port),
                                  asio::redirect_error(asio::use_awaitable, ec));
    if (!ec)
      co_return ec;
    if (!first)
      first = ec;
  }
  co_return first;
}

} // namespace

/// `GET /tunnel?port=N` with `Upgrade: tcp`: from the 101 on, the bytes of a connection to that
/// port of the sandbox's loopback.
handling get_tunnel(context&, http_exchange& exchange) {
  const auto port = core::parse_integer(exchange.query("port").value_or(""));
  if (!port || *port < 1 || *port > max_port) {
    co_await reply_detail(exchange, 422, "port: a number from 1 to 65535 is wanted");
    co_return;
  }
  if (core::to_lower(std::string(exchange.header("upgrade"))) != protocol::tunnel_protocol) {
    co_await reply_detail(exchange, upgrade_required, "Upgrade: tcp is wanted");
    co_return;
  }
  const auto here = co_await asio::this_coro::executor;
  transport::raw_stream inside{asio::generic::stream_protocol::socket(here), {}};
  const auto failed =
      co_await connect_to_loopback(inside.socket, static_cast<std::uint16_t>(*port));
  if (failed) {
    co_await reply_detail(exchange, bad_gateway,
                          "nothing answers on port " + std::to_string(*port) + ": " +
                              failed.message());
    co_return;
  }
  auto client =
      co_await exchange.upgrade("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                "Upgrade: tcp\r\n\r\n");
  if (client)
    co_await transport::relay(std::move(*client), std::move(inside));
}

} // namespace sandfleet::agent
