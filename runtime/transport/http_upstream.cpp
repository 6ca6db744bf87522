#include "runtime/transport/http_upstream.hpp"

#include "runtime/transport/connect.hpp"
#include "runtime/transport/connection_pool.hpp"
#include "runtime/transport/deadline.hpp"
#include "runtime/transport/http_head.hpp"
#include "runtime/transport/message_parser.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

#include <array>

namespace sandfleet::transport {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t short_capacity = 8U << 10;
constexpr std::size_t long_capacity = 64U << 10;
constexpr std::uint32_t longest_head = 64U << 10;
constexpr std::size_t default_idle = 8;

} // namespace

struct http_upstream::pool {
  pool(asio::any_io_executor io, endpoint to, std::string first, std::size_t idle_limit)
      : executor(std::move(io)), where(std::move(to)), opening(std::move(first)),
        connections(idle_limit) {}

  asio::any_io_executor executor;
  endpoint where;
  std::string opening;
  connection_pool connections;
};

namespace {

error broken(const endpoint& where, const char* what, error_code why, bool connected) {
  if (why == asio::error::operation_aborted)
    return make_error(errc::cancelled, "the request to " + to_string(where) + " was cancelled");
  return make_error(errc::connection_failed, to_string(where) + ": " + what)
      .with_cause(why.message())
      .with("connected", std::int64_t{connected});
}

template <class Pool>
class call_of final : public upstream_call {
 public:
  call_of(std::shared_ptr<Pool> pool, std::unique_ptr<client_connection> used, bool chunked,
          bool head_only)
      : pool_(std::move(pool)), used_(std::move(used)), chunked_(chunked), head_only_(head_only) {}

  ~call_of() override {
    if (used_ && complete_ && used_->input.bytes().empty())
      pool_->connections.keep(std::move(used_));
  }

  asio::awaitable<result<void>> write(std::string_view piece) override {
    if (piece.empty())
      co_return result<void>{};
    std::array<char, 20> room{};
    const auto size = chunked_ ? chunk_head(room, piece.size()) : std::string_view{};
    const std::string_view end = chunked_ ? "\r\n" : "";
    const std::array<asio::const_buffer, 3> buffers{asio::buffer(size.data(), size.size()),
                                                    asio::buffer(piece.data(), piece.size()),
                                                    asio::buffer(end.data(), end.size())};
    co_return co_await send(buffers);
  }

  asio::awaitable<result<void>> end_body() override {
    if (!chunked_)
      co_return result<void>{};
    const std::array<asio::const_buffer, 1> last{asio::buffer("0\r\n\r\n", 5)};
    co_return co_await send(last);
  }

  asio::awaitable<result<upstream_head>> read_head() override {
    for (;;) {
      parser_.emplace();
      parser_->header_limit(longest_head);
      parser_->skip(head_only_);
      while (!parser_->is_header_done()) {
        auto more = co_await parse();
        if (!more)
          co_return fail(std::move(more.error()));
      }
      const bool interim =
          parser_->status >= 100 && parser_->status < 200 && parser_->status != 101;
      if (!interim)
        break;
    }
    upstream_head head;
    head.status = parser_->status;
    head.headers = std::move(parser_->headers);
    if (const auto length = parser_->content_length())
      head.length = *length;
    co_return head;
  }

  asio::awaitable<result<std::string_view>> read_piece() override {
    used_->input.consume(std::exchange(held_, 0));
    for (;;) {
      if (!parser_->piece.empty())
        co_return take_piece();
      if (parser_->is_done()) {
        complete_ = parser_->keep_alive() && body_sent_;
        used_->input.shrink(short_capacity);
        co_return std::string_view{};
      }
      auto more = co_await parse();
      if (!more)
        co_return fail(std::move(more.error()));
    }
  }

  std::unique_ptr<client_connection> give_back() { return std::move(used_); }

  raw_stream take() override {
    const auto behind = used_->input.bytes();
    raw_stream given{std::move(used_->socket), std::string(behind)};
    used_.reset();
    return given;
  }

  /// What `begin` sends. `head` lives as long as that takes.
  asio::awaitable<error_code> send_head(std::string_view head, std::string_view first) {
    std::array<char, 20> room{};
    const auto size =
        chunked_ && !first.empty() ? chunk_head(room, first.size()) : std::string_view{};
    const std::string_view end = size.empty() ? "" : "\r\n";
    const std::array<asio::const_buffer, 4> buffers{
        asio::buffer(head.data(), head.size()), asio::buffer(size.data(), size.size()),
        asio::buffer(first.data(), first.size()), asio::buffer(end.data(), end.size())};
    error_code ec;
    co_await asio::async_write(used_->socket, buffers,
                               asio::redirect_error(asio::use_awaitable, ec));
    co_return ec;
  }

 private:
  template <class Buffers>
  asio::awaitable<result<void>> send(const Buffers& buffers) {
    error_code ec;
    co_await asio::async_write(used_->socket, buffers,
                               asio::redirect_error(asio::use_awaitable, ec));
    if (!ec)
      co_return result<void>{};
    body_sent_ = false;
    co_return fail(broken(pool_->where, "the body could not be sent", ec, true));
  }

  std::string_view take_piece() {
    held_ = parsed_;
    parsed_ = 0;
    return std::exchange(parser_->piece, {});
  }

  /// Parses what is there, and reads more when that is nothing.
  asio::awaitable<result<void>> parse() {
    auto& input = used_->input;
    error_code ec;
    const auto bytes = input.bytes();
    parser_->piece = {};
    parsed_ = bytes.empty() ? 0 : parser_->put(asio::buffer(bytes.data(), bytes.size()), ec);
    if (ec == http::error::need_more)
      ec = {};
    if (ec)
      co_return fail(
          make_error(errc::protocol_error, to_string(pool_->where) + ": the reply is not HTTP")
              .with_cause(ec.message()));
    if (!parser_->piece.empty())
      co_return result<void>{};
    input.consume(std::exchange(parsed_, 0));
    if (parser_->is_done() || input.bytes().size() != bytes.size())
      co_return result<void>{};
    if (input.bytes().size() > longest_head)
      co_return fail(errc::protocol_error, to_string(pool_->where) + ": a line without an end");
    co_return co_await read_more();
  }

  asio::awaitable<result<void>> read_more() {
    error_code ec;
    const auto [room, size] =
        used_->input.prepare(parser_->is_header_done() ? long_capacity : short_capacity);
    const auto got = co_await used_->socket.async_read_some(
        asio::buffer(room, size), asio::redirect_error(asio::use_awaitable, ec));
    used_->input.commit(got);
    if (!ec)
      co_return result<void>{};
    if (ec == asio::error::eof && parser_->got_some()) {
      parser_->put_eof(ec);
      if (!ec)
        co_return result<void>{};
    }
    co_return fail(broken(pool_->where, "the connection broke", ec, true));
  }

  std::shared_ptr<Pool> pool_;
  std::unique_ptr<client_connection> used_;
  std::optional<reply_parser> parser_;
  std::size_t parsed_ = 0; ///< bytes in which the parser found the piece
  std::size_t held_ = 0;   ///< of them, those that the caller's piece still needs
  bool chunked_;
  bool head_only_;
  bool body_sent_ = true;
  bool complete_ = false;
};

std::string head_of(const upstream_request& request) {
  std::string head;
  head.reserve(1024);
  head.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  for (const auto& [name, value] : request.headers)
    append_header(head, name, value);
  if (!request.length)
    append_header(head, "Transfer-Encoding", "chunked");
  else if (*request.length > 0 || (request.method != "GET" && request.method != "HEAD"))
    append_header(head, "Content-Length", std::to_string(*request.length));
  head += "\r\n";
  return head;
}

} // namespace

http_upstream::http_upstream(asio::any_io_executor executor, endpoint where, std::size_t max_idle)
    : pool_(
          std::make_shared<pool>(std::move(executor), std::move(where), std::string(), max_idle)) {}

http_upstream::http_upstream(asio::any_io_executor executor, endpoint where, std::string opening)
    : pool_(std::make_shared<pool>(std::move(executor), std::move(where), std::move(opening),
                                   default_idle)) {}

namespace {

/// What goes before the first request. Errors as those of `begin`.
template <class Pool>
asio::awaitable<result<void>> open_way(call_of<Pool>& call, const Pool& pool) {
  const auto ec = co_await call.send_head(pool.opening, {});
  if (ec)
    co_return fail(broken(pool.where, "the way could not be asked for", ec, false));
  auto head = co_await call.read_head();
  if (!head)
    co_return fail(std::move(head.error()).with("connected", std::int64_t{0}));
  if (head->status == 101)
    co_return result<void>{};
  const auto said = co_await call.read_piece();
  std::string cause(said.value_or(std::string_view{}));
  auto closed = make_error(errc::connection_failed, to_string(pool.where) + ": no way was opened")
                    .with_cause(std::move(cause))
                    .with("status", head->status)
                    .with("connected", std::int64_t{0});
  co_return fail(std::move(closed));
}

template <class Pool>
asio::awaitable<result<std::unique_ptr<client_connection>>>
connect(std::shared_ptr<Pool> pool, std::chrono::milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  auto made = std::make_unique<client_connection>(pool->executor);
  auto& socket = made->socket;
  call_of<Pool> call(pool, std::move(made), false, false);
  const deadline limit(executor, timeout, [&socket] {
    error_code ignored;
    socket.close(ignored);
  });
  const auto ec = co_await connect_socket(socket, pool->where);
  if (ec)
    co_return fail(broken(pool->where, "no connection", ec, false));
  if (!pool->opening.empty()) {
    auto open = co_await open_way(call, *pool);
    if (!open)
      co_return fail(std::move(open.error()));
  }
  co_return call.give_back();
}

} // namespace

asio::awaitable<result<std::unique_ptr<upstream_call>>>
http_upstream::begin(upstream_request request, std::string_view first_piece,
                     std::chrono::milliseconds connect_timeout) {
  const auto head = head_of(request);
  const auto held = pool_;
  for (;;) {
    auto used = held->connections.take();
    const bool kept = used != nullptr;
    if (!kept) {
      auto made = co_await connect(held, connect_timeout);
      if (!made)
        co_return fail(std::move(made.error()));
      used = std::move(*made);
    }
    auto call = std::make_unique<call_of<pool>>(held, std::move(used), !request.length,
                                                request.method == "HEAD");
    const auto ec = co_await call->send_head(head, first_piece);
    if (!ec)
      co_return std::unique_ptr<upstream_call>(std::move(call));
    // One that was closed meanwhile: nothing of the request was taken.
    if (!kept || ec == asio::error::operation_aborted)
      co_return fail(broken(held->where, "the request could not be sent", ec, true));
  }
}

const endpoint& http_upstream::where() const {
  return pool_->where;
}

} // namespace sandfleet::transport
