#include "runtime/transport/http_client.hpp"

#include "runtime/core/text.hpp"
#include "runtime/transport/connect.hpp"
#include "runtime/transport/connection_pool.hpp"
#include "runtime/transport/http_head.hpp"
#include "runtime/transport/message_parser.hpp"
#include "runtime/transport/op.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace sandfleet::transport {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t short_capacity = 4U << 10; ///< most replies fit
constexpr std::size_t long_capacity = 64U << 10;
constexpr std::uint32_t longest_head = 64U << 10;

bool is_interim(int status) {
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

std::string host_header(const endpoint& where, std::uint16_t usual_port) {
  const auto* tcp = std::get_if<tcp_endpoint>(&where);
  if (tcp == nullptr)
    return "localhost";
  auto text = tcp->host.find(':') == std::string::npos ? tcp->host : "[" + tcp->host + "]";
  if (tcp->port != usual_port)
    text += ":" + std::to_string(tcp->port);
  return text;
}

std::string_view http_reply::header(std::string_view name) const {
  const auto found = std::ranges::find_if(headers, [&](const auto& h) { return h.first == name; });
  return found == headers.end() ? std::string_view{} : std::string_view(found->second);
}

struct http_client::impl : std::enable_shared_from_this<impl> {
  impl(asio::any_io_executor io, endpoint to, std::size_t idle_limit,
       std::shared_ptr<connector> connections)
      : executor(std::move(io)), where(std::move(to)), pool(idle_limit),
        by(std::move(connections)) {}

  std::string head_of(const http_request& request) const {
    std::string head;
    head.reserve(512);
    head.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
    append_header(head, "Host", host_header(where, by ? https_port : http_port));
    for (const auto& [name, value] : request.headers)
      append_header(head, name, value);
    if (request.next_piece)
      append_header(head, "Transfer-Encoding", "chunked");
    else if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD"))
      append_header(head, "Content-Length", std::to_string(request.body.size()));
    head += "\r\n";
    return head;
  }

  /// Reads at least a byte, or the end of a reply that only the connection's end ends.
  static asio::awaitable<void> read_more(client_connection& c, reply_parser& parser,
                                         error_code& ec) {
    if (c.input.bytes().size() > longest_head) { // a chunk's head: the parser bounds only the first
      ec = http::error::header_limit;
      co_return;
    }
    const bool is_long = parser.is_header_done() &&
                         parser.content_length_remaining().value_or(long_capacity) > short_capacity;
    const auto [room, size] = c.input.prepare(is_long ? long_capacity : short_capacity);
    const auto got = co_await c.socket.async_read_some(
        asio::buffer(room, size), asio::redirect_error(asio::use_awaitable, ec));
    c.input.commit(got);
    if (ec != asio::error::eof)
      co_return;
    if (c.has_failed()) {
      ec = asio::error::connection_reset;
      co_return;
    }
    ec = parser.got_some() ? error_code() : http::error::end_of_stream;
    if (!ec)
      parser.put_eof(ec);
  }

  /// The body's pieces. A failure of their source breaks the connection, so that the other side
  /// takes what it has got for nothing whole.
  static asio::awaitable<result<void>> send_pieces(client_connection& c,
                                                   const http_request& request, error_code& ec) {
    for (;;) {
      const auto piece = co_await request.next_piece();
      if (!piece) {
        error_code ignored;
        c.socket.close(ignored);
        co_return fail(piece.error());
      }
      std::array<char, 20> room{};
      const auto size = chunk_head(room, piece->size());
      const std::array<asio::const_buffer, 3> chunk{asio::buffer(size.data(), size.size()),
                                                    asio::buffer(*piece), asio::buffer("\r\n", 2)};
      co_await asio::async_write(c.socket, chunk, asio::redirect_error(asio::use_awaitable, ec));
      if (ec)
        co_return fail(errc::connection_failed, "");
      if (piece->empty())
        co_return result<void>{};
    }
  }

  /// One exchange on one connection. The reply is complete, or `failed` says where it broke.
  asio::awaitable<result<http_reply>> exchange(client_connection& c, const http_request& request,
                                               broken& failed) {
    const auto head = head_of(request);
    const std::array<asio::const_buffer, 2> message{asio::buffer(head), asio::buffer(request.body)};
    co_await asio::async_write(c.socket, message,
                               asio::redirect_error(asio::use_awaitable, failed.code));
    if (failed.code)
      co_return fail(errc::connection_failed, "");
    if (request.next_piece) {
      auto sent = co_await send_pieces(c, request, failed.code);
      if (!sent)
        co_return fail(std::move(sent.error()));
    }

    http_reply reply;
    std::optional<reply_parser> held;
    bool is_head_told = false;
    for (;;) {
      if (!held) {
        held.emplace();
        held->header_limit(longest_head);
        held->skip(request.method == "HEAD");
      }
      auto& parser = *held;
      const auto bytes = c.input.bytes();
      std::size_t parsed = 0;
      parser.piece = {};
      if (!bytes.empty())
        parsed = parser.put(asio::buffer(bytes.data(), bytes.size()), failed.code);
      failed.reply_begun = failed.reply_begun || parser.got_some();
      if (failed.code == http::error::need_more)
        failed.code = {};
      if (failed.code)
        co_return fail(errc::connection_failed, "");
      const bool is_new = parser.is_header_done() && !is_interim(parser.status) &&
                          !std::exchange(is_head_told, true);
      if (request.on_body && (is_new || !parser.piece.empty()))
        request.on_body(parser.status, parser.piece);
      else if (parser.piece.size() > request.max_reply_bytes - reply.body.size())
        co_return fail(make_error(errc::limit_exceeded, request.method + " " + request.target +
                                                            " on " + to_string(where) +
                                                            ": the reply is too large")
                           .with("max_bytes", static_cast<std::int64_t>(request.max_reply_bytes)));
      else
        reply.body += parser.piece;
      c.input.consume(parsed);
      if (parser.is_done()) {
        if (!is_interim(parser.status))
          break;
        held.reset(); // RFC 9110, 15.2: the one that counts is yet to come
      } else if (parsed == 0) {
        co_await read_more(c, parser, failed.code);
        if (failed.code)
          co_return fail(errc::connection_failed, "");
      }
    }
    reply.status = held->status;
    reply.headers = std::move(held->headers);
    for (auto& [name, value] : reply.headers)
      name = core::to_lower(name);
    // What follows a reply is the reply to no request of ours.
    if (!held->keep_alive() || !c.input.bytes().empty() || reply.status == 101) {
      error_code ignored;
      c.socket.close(ignored);
    }
    c.input.shrink(short_capacity);
    co_return reply;
  }

  error describe(const http_request& request, const broken& failed, bool expired,
                 const carrier* by_whom) const {
    const auto what = request.method + " " + request.target + " on " + to_string(where);
    if (expired)
      return make_error(errc::timed_out, what + (failed.connected ? ": no reply in time"
                                                                  : ": no connection in time"))
          .blamed_on(failure_class::infrastructure)
          .with("timeout_ms", std::int64_t{request.timeout.count()});
    if (failed.code == asio::error::operation_aborted)
      return make_error(errc::cancelled, what + ": cancelled");
    if (auto why = by_whom != nullptr ? by_whom->failure() : std::nullopt) {
      why->message = what + ": " + why->message;
      return std::move(*why).with("connected", std::int64_t{failed.connected});
    }
    const bool malformed =
        failed.code.category() == http::make_error_code(http::error::bad_version).category() &&
        failed.code != http::error::end_of_stream && failed.code != http::error::partial_message;
    auto failure = make_error(malformed ? errc::protocol_error : errc::connection_failed,
                              what + (malformed          ? ": the reply is not HTTP"
                                      : failed.connected ? ": the connection broke"
                                                         : ": no connection"))
                       .with_cause(failed.code.message())
                       .with("connected", std::int64_t{failed.connected});
    if (failed.code.category() == boost::system::system_category())
      failure.evidence.emplace_back("errno", std::int64_t{failed.code.value()});
    return failure;
  }

  asio::awaitable<result<http_reply>> send(std::shared_ptr<const http_request> request) {
    const auto strand = co_await asio::this_coro::executor;
    asio::steady_timer deadline(strand, request->timeout);
    // The timer's handler runs on this strand, so it never races the exchange.
    auto guarded = std::make_shared<client_connection*>(nullptr);
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
      auto used = fresh ? nullptr : pool.take();
      const bool kept = used != nullptr;
      if (!used)
        used = std::make_unique<client_connection>(executor);
      *guarded = used.get();

      broken failed;
      if (!kept && by) {
        auto made = by->connect(executor, where);
        if (!made)
          co_return fail(std::move(made.error()));
        used->socket = std::move(made->socket);
        used->by = std::move(made->by);
      } else if (!kept) {
        failed.code = co_await connect_socket(used->socket, where);
      }
      failed.connected = !failed.code;
      result<http_reply> reply = fail(errc::connection_failed, "");
      if (!failed.code)
        reply = co_await exchange(*used, *request, failed);
      *guarded = nullptr;

      if (failed.code) {
        if (kept && repeatable && !failed.reply_begun && !*expired &&
            failed.code != asio::error::operation_aborted)
          continue;
        if (used->by)
          failed.connected = used->by->is_established();
        co_return fail(describe(*request, failed, *expired, used->by.get()));
      }
      if (reply && used->socket.is_open())
        pool.keep(std::move(used));
      co_return reply;
    }
  }

  asio::any_io_executor executor;
  endpoint where;
  connection_pool pool;
  std::shared_ptr<connector> by;
};

http_client::http_client(asio::any_io_executor executor, endpoint where, std::size_t max_idle,
                         std::shared_ptr<connector> by)
    : impl_(
          std::make_shared<impl>(std::move(executor), std::move(where), max_idle, std::move(by))) {}

asio::awaitable<result<http_reply>> http_client::send(http_request request) {
  // The coroutine holds the pool, so that the client may go away before its requests complete.
  return run_on(impl_->executor,
                [](std::shared_ptr<impl> pool,
                   std::shared_ptr<const http_request> r) -> asio::awaitable<result<http_reply>> {
                  co_return co_await pool->send(std::move(r));
                }(impl_, std::make_shared<const http_request>(std::move(request))));
}

void http_client::keep_none() {
  impl_->pool.keep_none();
}

const endpoint& http_client::where() const {
  return impl_->where;
}

} // namespace sandfleet::transport
