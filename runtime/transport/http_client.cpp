#include "runtime/transport/http_client.hpp"

#include "runtime/transport/op.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <sys/socket.h>

namespace sandfleet::transport {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using socket_type = asio::generic::stream_protocol::socket;

namespace {

constexpr std::size_t max_header_bytes = 64U << 10;
constexpr std::size_t read_chunk_bytes = 64U << 10;

struct connection {
  explicit connection(const asio::any_io_executor& executor) : socket(executor) {}

  /// A kept connection on which anything can be read, or the end seen, is of no more use.
  [[nodiscard]] bool usable() {
    char byte = 0;
    return ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  socket_type socket;
  boost::beast::flat_buffer buffer;
};

bool is_interim(unsigned status) {
  return status >= 100 && status < 200 && status != 101;
}

/// Where an exchange stood when it failed.
struct broken {
  error_code code;
  bool connected = false;
  bool reply_begun = false;
};

} // namespace

std::string to_string(const endpoint& where) {
  if (const auto* local = std::get_if<unix_endpoint>(&where))
    return "unix:" + local->path;
  const auto& tcp = std::get<tcp_endpoint>(where);
  return tcp.host + ":" + std::to_string(tcp.port);
}

std::string_view http_reply::header(std::string_view name) const {
  const auto found = std::ranges::find_if(headers, [&](const auto& h) { return h.first == name; });
  return found == headers.end() ? std::string_view{} : std::string_view(found->second);
}

struct http_client::impl : std::enable_shared_from_this<impl> {
  impl(asio::any_io_executor io, endpoint to, std::size_t idle_limit)
      : executor(std::move(io)), where(std::move(to)), max_idle(idle_limit) {}

  std::unique_ptr<connection> take_idle() {
    const std::lock_guard lock(mutex);
    while (!idle.empty()) {
      auto kept = std::move(idle.back());
      idle.pop_back();
      if (kept->usable())
        return kept;
    }
    return nullptr;
  }

  void keep(std::unique_ptr<connection> used) {
    const std::lock_guard lock(mutex);
    if (idle.size() < max_idle)
      idle.push_back(std::move(used));
  }

  asio::awaitable<void> connect(connection& c, error_code& ec) {
    if (const auto* local = std::get_if<unix_endpoint>(&where)) {
      if (local->path.size() >= sizeof(sockaddr_un::sun_path)) {
        ec = make_error_code(boost::system::errc::filename_too_long);
        co_return;
      }
      co_await c.socket.async_connect(asio::local::stream_protocol::endpoint(local->path),
                                      asio::redirect_error(asio::use_awaitable, ec));
      co_return;
    }
    const auto& tcp = std::get<tcp_endpoint>(where);
    asio::ip::tcp::resolver resolver(c.socket.get_executor());
    const auto found = co_await resolver.async_resolve(
        tcp.host, std::to_string(tcp.port), asio::redirect_error(asio::use_awaitable, ec));
    if (ec)
      co_return;
    for (const auto& candidate : found) {
      error_code ignored;
      c.socket.close(ignored);
      co_await c.socket.async_connect(
          asio::generic::stream_protocol::endpoint(candidate.endpoint()),
          asio::redirect_error(asio::use_awaitable, ec));
      if (!ec) {
        c.socket.set_option(asio::ip::tcp::no_delay(true), ignored);
        break;
      }
    }
  }

  http::request<http::string_body> encode(const http_request& request) const {
    http::request<http::string_body> message;
    message.method_string(request.method);
    message.target(request.target);
    message.version(11);
    const auto* tcp = std::get_if<tcp_endpoint>(&where);
    message.set(http::field::host, tcp ? tcp->host : "localhost");
    for (const auto& [name, value] : request.headers)
      message.set(name, value);
    message.body() = request.body;
    message.prepare_payload();
    return message;
  }

  /// One exchange on one connection. The reply is complete, or `failed` says where it broke.
  asio::awaitable<result<http_reply>> exchange(connection& c, const http_request& request,
                                               broken& failed) {
    const auto message = encode(request);
    co_await http::async_write(c.socket, message,
                               asio::redirect_error(asio::use_awaitable, failed.code));
    if (failed.code)
      co_return fail(errc::connection_failed, "");

    std::optional<http::response_parser<http::buffer_body>> held;
    do { // interim replies (RFC 9110, 15.2) come before the one that counts
      auto& next = held.emplace();
      next.header_limit(max_header_bytes);
      next.body_limit(boost::none);
      if (request.method == "HEAD")
        next.skip(true);
      co_await http::async_read_header(c.socket, c.buffer, next,
                                       asio::redirect_error(asio::use_awaitable, failed.code));
      failed.reply_begun = failed.reply_begun || next.got_some();
      if (failed.code)
        co_return fail(errc::connection_failed, "");
    } while (is_interim(held->get().result_int()));
    auto& parser = *held;

    http_reply reply;
    reply.status = parser.get().result_int();
    for (const auto& field : parser.get().base()) {
      std::string name(field.name_string());
      std::ranges::transform(name, name.begin(), [](unsigned char ch) {
        return static_cast<char>(ch >= 'A' && ch <= 'Z' ? ch + ('a' - 'A') : ch);
      });
      reply.headers.emplace_back(std::move(name), std::string(field.value()));
    }

    // Short replies are the rule; malloc tidies its whole heap whenever 64 KiB are given back.
    const auto chunk_bytes = static_cast<std::size_t>(std::clamp<std::uint64_t>(
        parser.content_length_remaining().value_or(read_chunk_bytes), 1, read_chunk_bytes));
    const auto chunk = std::make_unique_for_overwrite<char[]>(chunk_bytes);
    while (!parser.is_done()) {
      parser.get().body().data = chunk.get();
      parser.get().body().size = chunk_bytes;
      // Not async_read: it waits until the chunk is full, and a stream's pieces are wanted at once.
      co_await http::async_read_some(c.socket, c.buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, failed.code));
      if (failed.code == http::error::need_buffer)
        failed.code = {};
      if (failed.code)
        co_return fail(errc::connection_failed, "");
      const std::string_view piece(chunk.get(), chunk_bytes - parser.get().body().size);
      if (piece.empty())
        continue; // what was read was framing
      if (request.on_body) {
        request.on_body(reply.status, piece);
      } else {
        if (reply.body.size() + piece.size() > request.max_reply_bytes)
          co_return fail(
              make_error(errc::limit_exceeded, request.method + " " + request.target + " on " +
                                                   to_string(where) + ": the reply is too large")
                  .with("max_bytes", static_cast<std::int64_t>(request.max_reply_bytes)));
        reply.body += piece;
      }
    }
    // What follows a reply is the reply to no request of ours.
    if (!parser.keep_alive() || c.buffer.size() != 0 || reply.status == 101) {
      error_code ignored;
      c.socket.close(ignored);
    }
    co_return reply;
  }

  error describe(const http_request& request, const broken& failed, bool expired) const {
    const auto what = request.method + " " + request.target + " on " + to_string(where);
    if (expired)
      return make_error(errc::timed_out, what + ": no reply in time")
          .blamed_on(failure_class::infrastructure)
          .with("timeout_ms", std::int64_t{request.timeout.count()});
    if (failed.code == asio::error::operation_aborted)
      return make_error(errc::cancelled, what + ": cancelled");
    const bool malformed =
        failed.code.category() == http::make_error_code(http::error::bad_version).category() &&
        failed.code != http::error::end_of_stream && failed.code != http::error::partial_message;
    return make_error(malformed ? errc::protocol_error : errc::connection_failed,
                      what + (malformed          ? ": the reply is not HTTP"
                              : failed.connected ? ": the connection broke"
                                                 : ": no connection"))
        .with_cause(failed.code.message())
        .with("connected", std::int64_t{failed.connected});
  }

  asio::awaitable<result<http_reply>> send(std::shared_ptr<const http_request> request) {
    const auto strand = co_await asio::this_coro::executor;
    asio::steady_timer deadline(strand, request->timeout);
    // The timer's handler runs on this strand, so it never races the exchange.
    auto guarded = std::make_shared<connection*>(nullptr);
    auto expired = std::make_shared<bool>(false);
    deadline.async_wait([guarded, expired](error_code ec) {
      if (ec)
        return;
      *expired = true;
      if (*guarded) {
        error_code ignored;
        (*guarded)->socket.close(ignored);
      }
    });

    const bool repeatable =
        request->method == "GET" || request->method == "PUT" || request->method == "HEAD";
    for (bool fresh = false;; fresh = true) {
      auto used = fresh ? nullptr : take_idle();
      const bool kept = used != nullptr;
      if (!used)
        used = std::make_unique<connection>(executor);
      *guarded = used.get();

      broken failed;
      if (!kept)
        co_await connect(*used, failed.code);
      failed.connected = !failed.code;
      result<http_reply> reply = fail(errc::connection_failed, "");
      if (!failed.code)
        reply = co_await exchange(*used, *request, failed);
      *guarded = nullptr;

      if (failed.code) {
        if (kept && repeatable && !failed.reply_begun && !*expired &&
            failed.code != asio::error::operation_aborted)
          continue;
        co_return fail(describe(*request, failed, *expired));
      }
      if (reply && used->socket.is_open())
        keep(std::move(used));
      co_return reply;
    }
  }

  asio::any_io_executor executor;
  endpoint where;
  std::size_t max_idle;
  std::mutex mutex;
  std::vector<std::unique_ptr<connection>> idle;
};

http_client::http_client(asio::any_io_executor executor, endpoint where, std::size_t max_idle)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(where), max_idle)) {}

asio::awaitable<result<http_reply>> http_client::send(http_request request) {
  // The coroutine holds the pool, so that the client may go away before its requests complete.
  return run_on(impl_->executor,
                [](std::shared_ptr<impl> pool,
                   std::shared_ptr<const http_request> r) -> asio::awaitable<result<http_reply>> {
                  co_return co_await pool->send(std::move(r));
                }(impl_, std::make_shared<const http_request>(std::move(request))));
}

const endpoint& http_client::where() const {
  return impl_->where;
}

} // namespace sandfleet::transport
