#include "runtime/transport/connect.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/un.h>

namespace sandfleet::transport {

namespace asio = boost::asio;
using boost::system::error_code;

asio::awaitable<error_code> connect_socket(asio::generic::stream_protocol::socket& socket,
                                           const endpoint& where) {
  error_code ec;
  if (const auto* local = std::get_if<unix_endpoint>(&where)) {
    if (local->path.size() >= sizeof(sockaddr_un::sun_path))
      co_return make_error_code(boost::system::errc::filename_too_long);
    co_await socket.async_connect(asio::local::stream_protocol::endpoint(local->path),
                                  asio::redirect_error(asio::use_awaitable, ec));
    co_return ec;
  }
  const auto& tcp = std::get<tcp_endpoint>(where);
  // Open all the time, so that it is seen when somebody closes it, who wants it no more.
  socket.open(asio::ip::tcp::v4(), ec);
  if (ec)
    co_return ec;
  asio::ip::tcp::resolver resolver(socket.get_executor());
  const auto found = co_await resolver.async_resolve(tcp.host, std::to_string(tcp.port),
                                                     asio::redirect_error(asio::use_awaitable, ec));
  if (ec)
    co_return ec;
  for (const auto& candidate : found) {
    error_code ignored;
    if (!socket.is_open())
      co_return asio::error::operation_aborted;
    socket.close(ignored);
    co_await socket.async_connect(asio::generic::stream_protocol::endpoint(candidate.endpoint()),
                                  asio::redirect_error(asio::use_awaitable, ec));
    if (!ec) {
      socket.set_option(asio::ip::tcp::no_delay(true), ignored);
      break;
    }
  }
  co_return ec;
}

} // namespace sandfleet::transport
