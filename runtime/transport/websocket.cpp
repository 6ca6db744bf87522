// What both ends of a WebSocket have in common, and the server's.

#include "runtime/transport/deadline.hpp"
#include "runtime/transport/http_connection.hpp"
#include "runtime/transport/websocket_impl.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <array>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace sandfleet::transport {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ws = boost::beast::websocket;
using boost::system::error_code;

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

bool is_rule_of_protocol(error_code why) {
  return why.category() == make_error_code(ws::error::closed).category();
}

using upgrade_request = beast::http::request<beast::http::empty_body>;

upgrade_request request_of(const request_parser& head) {
  upgrade_request request;
  request.method_string(head.method);
  request.target(head.target);
  request.version(head.version);
  for (const auto& [name, value] : head.headers)
    request.insert(name, value);
  return request;
}

} // namespace

/// What is closed with input unread resets the connection, and the last frame with it may be lost.
asio::awaitable<void> shut_down(ending_socket& socket) {
  error_code ignored;
  socket.shutdown(asio::socket_base::shutdown_send, ignored);
  const deadline limit(socket.get_executor(), closing_time, [&socket] {
    error_code closed;
    socket.close(closed);
  });
  std::array<char, 2048> dropped{};
  for (;;) {
    const auto [ec, count] = co_await socket.async_read_some(asio::buffer(dropped), as_values);
    if (ec)
      break;
  }
  socket.close(ignored);
}

error broken_websocket(error_code why) {
  if (why == asio::error::operation_aborted || why == asio::error::bad_descriptor)
    return make_error(errc::cancelled, "WebSocket: closed here");
  if (why == ws::error::message_too_big || why == ws::error::buffer_overflow)
    return make_error(errc::limit_exceeded, "WebSocket: a message is too long");
  return make_error(is_rule_of_protocol(why) && why != ws::error::closed ? errc::protocol_error
                                                                         : errc::connection_failed,
                    "WebSocket: the connection broke")
      .with_cause(why.message());
}

void keep_alive(asio::generic::stream_protocol::socket& socket) {
  const int on = 1; // of no effect, and no harm, where there is no network in between
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

websocket::websocket(std::shared_ptr<impl> made) : impl_(std::move(made)) {}
websocket::websocket(websocket&&) noexcept = default;
websocket& websocket::operator=(websocket&& other) noexcept {
  if (impl_ && impl_ != other.impl_)
    impl_->drop();
  impl_ = std::move(other.impl_);
  return *this;
}

websocket::~websocket() {
  if (impl_)
    impl_->drop();
}

void websocket::drop() {
  impl_->drop();
}

asio::awaitable<result<std::optional<websocket_message>>> websocket::read() {
  const auto self = impl_; // may be dropped meanwhile
  self->received.consume(self->received.size());
  const auto [ec, count] = co_await self->stream.async_read(self->received, as_values);
  if (ec == ws::error::closed)
    co_return std::optional<websocket_message>();
  if (ec)
    co_return fail(broken_websocket(ec));
  const auto bytes = self->received.cdata();
  websocket_message message;
  message.is_text = self->stream.got_text();
  message.payload = {static_cast<const char*>(bytes.data()), bytes.size()};
  co_return message;
}

asio::awaitable<result<void>> websocket::write(bool is_text, std::string_view payload) {
  const auto self = impl_;
  self->stream.text(is_text);
  const auto [ec, count] =
      co_await self->stream.async_write(asio::buffer(payload.data(), payload.size()), as_values);
  if (ec)
    co_return fail(broken_websocket(ec));
  co_return result<void>{};
}

asio::awaitable<result<void>> websocket::write_text(std::string_view text) {
  return write(true, text);
}

asio::awaitable<result<void>> websocket::write_bytes(std::string_view bytes) {
  return write(false, bytes);
}

asio::awaitable<void> websocket::close(close_code code, std::string_view reason) {
  const auto self = impl_;
  const ws::close_reason told(static_cast<ws::close_code>(code),
                              beast::string_view(reason.data(), reason.size()));
  const deadline limit(self->stream.get_executor(), closing_time, [self] { self->drop(); });
  (void)co_await self->stream.async_close(told, as_values);
}

asio::awaitable<void> websocket::gone() {
  const auto self = impl_;
  const int watch = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event wanted{};
  wanted.events = EPOLLRDHUP; // errors and the end both ways are told unasked
  if (watch < 0)
    co_return;
  ::epoll_ctl(watch, EPOLL_CTL_ADD, self->stream.next_layer().native_handle(), &wanted);
  self->hang_up.assign(watch);
  (void)co_await self->hang_up.async_wait(asio::posix::descriptor_base::wait_read, as_values);
}

bool http_exchange::asks_for_websocket() const {
  return ws::is_upgrade(request_of(*connection_.request));
}

asio::awaitable<result<websocket>> http_exchange::accept_websocket(std::size_t max_message_bytes) {
  auto& c = connection_;
  const auto request = request_of(*c.request);
  c.replied = true;
  c.keep = false;
  c.upgraded = true;
  if (!c.request->is_done() || !c.input.bytes().empty()) {
    abandon();
    co_return fail(errc::protocol_error, "WebSocket: bytes came before the handshake was answered");
  }
  auto made = std::make_shared<websocket::impl>(std::move(c.socket), max_message_bytes);
  keep_alive(made->stream.next_layer());
  made->limit_handshake(closing_time);
  const auto [ec] = co_await made->stream.async_accept(request, as_values);
  if (ec) {
    made->drop();
    co_return fail(broken_websocket(ec));
  }
  co_return websocket(std::move(made));
}

} // namespace sandfleet::transport
