#include "runtime/tls/tunnel.hpp"

#include "runtime/tls/failure.hpp"
#include "runtime/transport/connect.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace sandfleet::tls {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

/// What a record of TLS holds at most (RFC 8446, 5.1).
constexpr std::size_t piece_bytes = 16U << 10;
using piece = std::array<char, piece_bytes>;
constexpr std::size_t turn_bytes = 1U << 20;
/// For a peer to take what was written before the plain connection was closed.
constexpr auto closing_time = 3s;

bool would_block(const error_code& ec) {
  return ec == asio::error::would_block || ec == asio::error::try_again ||
         ec == asio::error::interrupted;
}

} // namespace

result<std::pair<socket_type, socket_type>> connected_pair(const asio::any_io_executor& first,
                                                           const asio::any_io_executor& second) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
    return fail(errno_error(errc::io_error, "TLS: no pair of sockets", errno));
  const asio::generic::stream_protocol protocol(AF_UNIX, 0);
  std::pair<socket_type, socket_type> made{socket_type(first), socket_type(second)};
  error_code ec;
  made.first.assign(protocol, ends[0], ec);
  if (ec)
    ::close(ends[0]);
  error_code other;
  made.second.assign(protocol, ends[1], other);
  if (other)
    ::close(ends[1]);
  if (ec || other)
    return fail(errno_error(errc::io_error, "TLS: no pair of sockets", (ec ? ec : other).value()));
  made.first.non_blocking(true, ec);
  return made;
}

tunnel::tunnel(connection_ptr session, socket_type inner, std::string peer)
    : session_(std::move(session)), inner_(std::move(inner)), outer_(inner_.get_executor()),
      timer_(inner_.get_executor()), peer_(std::move(peer)) {}

std::optional<error> tunnel::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void tunnel::spawn(awaitable work) {
  asio::co_spawn(inner_.get_executor(), std::move(work),
                 [self = shared_from_this()](const std::exception_ptr& thrown) {
                   if (thrown)
                     self->fail_with(make_error(errc::internal, "TLS: out of memory"));
                 });
}

void tunnel::begin(const transport::endpoint& where) {
  spawn(reach(shared_from_this(), where));
  spawn(watch(shared_from_this()));
}

void tunnel::begin(socket_type accepted, std::chrono::milliseconds handshake_timeout,
                   std::function<void(const error&)> on_failure) {
  outer_ = std::move(accepted);
  on_failure_ = std::move(on_failure);
  timer_.expires_after(handshake_timeout);
  timer_.async_wait([self = shared_from_this(), handshake_timeout](error_code ec) {
    if (ec || self->established_)
      return;
    self->fail_with(
        make_error(errc::timed_out, "the TLS handshake with " + self->peer_ + " took too long")
            .with("timeout_ms", std::int64_t{handshake_timeout.count()}));
  });
  spawn(receive(shared_from_this()));
  spawn(watch(shared_from_this()));
}

asio::awaitable<void> tunnel::reach(std::shared_ptr<tunnel> self, transport::endpoint where) {
  const auto ec = co_await transport::connect_socket(self->outer_, where);
  if (self->ended_) {
    self->end();
    co_return;
  }
  if (ec) {
    auto why = make_error(errc::connection_failed, "no connection").with_cause(ec.message());
    if (ec.category() == boost::system::system_category())
      why.evidence.emplace_back("errno", std::int64_t{ec.value()});
    self->fail_with(std::move(why));
    co_return;
  }
  co_await carry(self);
}

asio::awaitable<void> tunnel::receive(std::shared_ptr<tunnel> self) {
  co_await carry(self);
}

/// The handshake, and then the direction from the peer to the plain side.
asio::awaitable<void> tunnel::carry(std::shared_ptr<tunnel> self) {
  if (!self->attach_session())
    co_return;
  const bool shaken = co_await self->shake_hands();
  if (!shaken)
    co_return;
  self->established_ = true;
  self->timer_.cancel();
  self->spawn(carry_out(self));
  std::size_t without_wait = 0;
  for (;;) {
    // Many connections are idle, and need no buffer then.
    const auto bytes = std::make_unique_for_overwrite<piece>();
    int outcome = 1;
    while (!self->ended_ && outcome > 0) {
      ERR_clear_error();
      outcome = SSL_read(self->session_.get(), bytes->data(), static_cast<int>(bytes->size()));
      self->last_number_ = errno;
      if (outcome <= 0)
        break;
      const auto size = static_cast<std::size_t>(outcome);
      const bool taken = co_await self->deliver(bytes->data(), size);
      if (!taken)
        co_return;
      co_await self->take_turns(size, without_wait);
    }
    if (self->ended_)
      co_return;
    const int what = self->error_of(outcome);
    if (what == SSL_ERROR_ZERO_RETURN)
      break;
    without_wait = 0;
    const bool ready = co_await self->ready_after(what);
    if (!ready)
      co_return;
  }
  self->received_end_ = true;
  error_code ignored;
  self->inner_.shutdown(asio::socket_base::shutdown_send, ignored);
  if (self->sent_end_)
    self->end();
}

/// The direction from the plain side to the peer.
asio::awaitable<void> tunnel::carry_out(std::shared_ptr<tunnel> self) {
  std::size_t without_wait = 0;
  for (;;) {
    error_code ec;
    {
      const auto bytes = std::make_unique_for_overwrite<piece>();
      while (!self->ended_ && !ec) {
        const auto got = self->inner_.read_some(asio::buffer(*bytes), ec);
        if (ec)
          break;
        const bool sent = co_await self->send_all(bytes->data(), got);
        if (!sent)
          co_return;
        co_await self->take_turns(got, without_wait);
      }
    }
    if (self->ended_)
      co_return;
    if (!would_block(ec))
      break;
    without_wait = 0;
    error_code ignored;
    co_await self->inner_.async_wait(asio::socket_base::wait_read,
                                     asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_await self->say_goodbye();
  if (self->ended_)
    co_return;
  self->sent_end_ = true;
  if (self->received_end_ || self->is_inner_closed())
    self->end();
}

/// Completes when the plain side is closed, not when it has only ended what it sends.
asio::awaitable<void> tunnel::watch(std::shared_ptr<tunnel> self) {
  error_code ec;
  while (!self->ended_ && !self->is_inner_closed())
    co_await self->inner_.async_wait(asio::socket_base::wait_error,
                                     asio::redirect_error(asio::use_awaitable, ec));
  if (self->ended_)
    co_return;
  if (!self->established_ || self->sent_end_) {
    self->end();
    co_return;
  }
  self->timer_.expires_after(closing_time);
  co_await self->timer_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  self->end();
}

bool tunnel::attach_session() {
  error_code ec;
  outer_.non_blocking(true, ec);
  BIO* bio = ec ? nullptr : make_socket_bio(outer_.native_handle());
  if (bio == nullptr) {
    fail_with(make_error(errc::internal, "TLS: no socket").with_cause(ec.message()));
    return false;
  }
  SSL_set_bio(session_.get(), bio, bio);
  return true;
}

asio::awaitable<bool> tunnel::shake_hands() {
  while (!ended_) {
    ERR_clear_error();
    const int outcome = SSL_do_handshake(session_.get());
    last_number_ = errno;
    if (outcome == 1)
      co_return true;
    const bool ready = co_await ready_after(error_of(outcome));
    if (!ready)
      break;
  }
  co_return false;
}

asio::awaitable<bool> tunnel::send_all(const char* bytes, std::size_t size) {
  while (size > 0 && !ended_) {
    ERR_clear_error();
    const int outcome = SSL_write(session_.get(), bytes, static_cast<int>(size));
    last_number_ = errno;
    if (outcome > 0) {
      bytes += outcome;
      size -= static_cast<std::size_t>(outcome);
      continue;
    }
    const int what = error_of(outcome);
    if (what == SSL_ERROR_SYSCALL && !received_end_) {
      // Why the peer does not listen may have been said by it: the other direction reads that.
      ERR_clear_error();
      sent_end_ = true;
      co_return false;
    }
    const bool ready = co_await ready_after(what);
    if (!ready)
      break;
  }
  co_return !ended_;
}

asio::awaitable<bool> tunnel::deliver(const char* bytes, std::size_t size) {
  while (size > 0 && !ended_) {
    error_code ec;
    const auto sent = inner_.write_some(asio::buffer(bytes, size), ec);
    bytes += sent;
    size -= sent;
    if (!ec)
      continue;
    if (!would_block(ec)) // closed: `watch` sees to it
      co_return false;
    co_await inner_.async_wait(asio::socket_base::wait_write,
                               asio::redirect_error(asio::use_awaitable, ec));
  }
  co_return !ended_;
}

/// Ours alone: the peer may go on to send.
asio::awaitable<void> tunnel::say_goodbye() {
  while (!ended_) {
    ERR_clear_error();
    const int outcome = SSL_shutdown(session_.get());
    last_number_ = errno;
    if (outcome >= 0)
      break;
    const int what = error_of(outcome);
    if (what != SSL_ERROR_WANT_WRITE && what != SSL_ERROR_WANT_READ)
      break;
    const bool ready = co_await ready_after(what);
    if (!ready)
      co_return;
  }
  ERR_clear_error();
  error_code ignored;
  if (!ended_)
    outer_.shutdown(asio::socket_base::shutdown_send, ignored);
}

asio::awaitable<bool> tunnel::ready_after(int ssl_error) {
  if (ended_)
    co_return false;
  if (ssl_error != SSL_ERROR_WANT_READ && ssl_error != SSL_ERROR_WANT_WRITE) {
    const failed_step step{
        .ssl_error = ssl_error, .number = last_number_, .in_handshake = !established_};
    const bool is_plain = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    auto why = explain(session_.get(), step, peer_);
    if (is_plain)
      refuse_plain_http();
    fail_with(std::move(why));
    co_return false;
  }
  error_code ec;
  co_await outer_.async_wait(ssl_error == SSL_ERROR_WANT_READ ? asio::socket_base::wait_read
                                                              : asio::socket_base::wait_write,
                             asio::redirect_error(asio::use_awaitable, ec));
  co_return !ended_;
}

asio::awaitable<void> tunnel::take_turns(std::size_t bytes, std::size_t& since) {
  since += bytes;
  if (since < turn_bytes)
    co_return;
  since = 0;
  co_await asio::post(inner_.get_executor(), asio::use_awaitable);
}

int tunnel::error_of(int outcome) {
  return SSL_get_error(session_.get(), outcome);
}

void tunnel::fail_with(error why) {
  if (ended_)
    return;
  if (!established_ && on_failure_)
    on_failure_(why);
  {
    // Before the plain side can see the end.
    const std::lock_guard lock(mutex_);
    failure_ = std::move(why);
  }
  end();
}

/// In its own language. Best effort: what the client has sent is dropped, so that the answer is
/// not.
void tunnel::refuse_plain_http() {
  constexpr std::string_view answer =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 73\r\n"
      "Connection: close\r\n\r\n"
      "{\"detail\":\"This port wants TLS: write https:// in the place of http://.\"}";
  error_code ec;
  outer_.write_some(asio::buffer(answer.data(), answer.size()), ec);
  outer_.shutdown(asio::socket_base::shutdown_send, ec);
  piece dropped;
  for (int left = 16; left > 0 && !ec; --left)
    outer_.read_some(asio::buffer(dropped), ec);
}

bool tunnel::is_inner_closed() {
  pollfd asked{.fd = inner_.native_handle(), .events = 0, .revents = 0};
  return ::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLHUP | POLLERR)) != 0;
}

void tunnel::end() {
  ended_ = true;
  timer_.cancel();
  error_code ignored;
  inner_.close(ignored);
  outer_.close(ignored);
}

} // namespace sandfleet::tls
