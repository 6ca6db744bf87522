#include "runtime/transport/http_connection.hpp"

#include "runtime/transport/http_head.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <optional>
#include <span>
#include <sys/socket.h>

namespace sandfleet::transport {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t head_capacity = 4U << 10;
constexpr std::size_t body_capacity = 64U << 10;
constexpr std::uint64_t linger_bytes = std::uint64_t{64} << 20;

using std::chrono::steady_clock;

/// What is left of the time that a client may be waited for.
steady_clock::duration patience(const http_server_options& options,
                                const http_connection::progress& of) {
  const std::chrono::milliseconds earned(of.bytes * 1000 / options.least_rate);
  return std::min<steady_clock::duration>(options.io_timeout,
                                          options.io_timeout + earned - of.waited);
}

/// Says while it lives that the client is waited for.
class waiting_mark {
 public:
  waiting_mark(http_connection& connection, steady_clock::time_point since)
      : connection_(connection) {
    connection_.waiting_since = since.time_since_epoch().count();
    if (connection_.on_waiting)
      connection_.on_waiting();
  }
  ~waiting_mark() { connection_.waiting_since = http_connection::not_waiting; }
  waiting_mark(const waiting_mark&) = delete;
  waiting_mark& operator=(const waiting_mark&) = delete;

 private:
  http_connection& connection_;
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// Where such a body ends cannot be known: what follows must not be taken for a request.
bool has_unknown_coding(const request_parser& request) {
  const auto coding = request.header("transfer-encoding");
  return !coding.empty() && !same_name(coding, "chunked");
}

/// IMF-fixdate of RFC 9110, 5.6.7, made once a second.
std::string_view http_date() {
  static thread_local std::time_t made_at = -1;
  static thread_local std::array<char, 40> text{};
  static thread_local std::size_t size = 0;
  const std::time_t now = std::time(nullptr);
  if (now != made_at) {
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    made_at = now;
  }
  return {text.data(), size};
}

} // namespace

std::string_view request_parser::header(std::string_view name) const {
  const auto found =
      std::ranges::find_if(headers, [&](const auto& h) { return same_name(h.first, name); });
  return found == headers.end() ? std::string_view{} : std::string_view(found->second);
}

void request_parser::on_request_impl(http::verb, view method_text, view target_text, int number,
                                     error_code&) {
  method.assign(method_text.data(), method_text.size());
  target.assign(target_text.data(), target_text.size());
  version = static_cast<unsigned>(number);
}

error http_connection::broken(const char* what, error_code why) const {
  const bool late = why == asio::error::timed_out;
  return make_error(late ? errc::timed_out : errc::connection_failed,
                    std::string("HTTP client: ") + what)
      .with_cause(why ? why.message() : "the connection was closed");
}

asio::awaitable<boost::system::error_code>
http_connection::wait_for(asio::socket_base::wait_type what, progress& of) {
  const auto number = ++wait_number;
  bool late = false;
  const auto began = steady_clock::now();
  // A client that takes the output of something that runs may do so as slowly as it likes; that it
  // goes away is seen.
  std::optional<waiting_mark> waits;
  if (watching) {
    timer.expires_at(steady_clock::time_point::max());
  } else {
    timer.expires_at(began + patience(options, of));
    waits.emplace(*this, began);
  }
  timer.async_wait([this, number, &late](error_code ec) {
    // A wait that is over has changed the number or destroyed the timer, so `late` is alive here.
    if (ec || number != wait_number)
      return;
    late = true;
    error_code ignored;
    socket.cancel(ignored);
  });
  error_code ec;
  without_wait = 0;
  co_await socket.async_wait(what, asio::redirect_error(asio::use_awaitable, ec));
  ++wait_number;
  timer.cancel();
  of.waited += steady_clock::now() - began;
  if (late)
    ec = asio::error::timed_out;
  co_return ec;
}

asio::awaitable<void> http_connection::take_turns(std::size_t bytes) {
  constexpr std::size_t turn = 1U << 20;
  without_wait += bytes;
  if (without_wait < turn)
    co_return;
  without_wait = 0;
  co_await asio::post(socket.get_executor(), asio::use_awaitable);
}

asio::awaitable<bool> http_connection::read_more(std::size_t capacity, bool timed) {
  const auto [room, size] = input.prepare(capacity);
  for (;;) {
    std::size_t got = 0;
    failure.clear();
    if (timed) {
      got = socket.read_some(asio::buffer(room, size), failure);
    } else {
      const waiting_mark waits(*this, steady_clock::now());
      got = co_await socket.async_read_some(asio::buffer(room, size),
                                            asio::redirect_error(asio::use_awaitable, failure));
    }
    if (got > 0) {
      input.commit(got);
      reading.bytes += got;
      failure.clear();
      co_await take_turns(got);
      co_return true;
    }
    if (failure != asio::error::would_block && failure != asio::error::try_again &&
        failure != asio::error::interrupted)
      co_return false;
    failure = co_await wait_for(asio::socket_base::wait_read, reading);
    if (failure)
      co_return false;
  }
}

asio::awaitable<result<void>> http_connection::write_all(std::string_view first,
                                                         std::string_view second,
                                                         std::string_view third) {
  std::array<asio::const_buffer, 3> buffers;
  std::size_t count = 0;
  for (const auto part : {first, second, third}) {
    if (!part.empty())
      buffers[count++] = asio::buffer(part.data(), part.size());
  }
  std::size_t next = 0;
  while (next < count) {
    const std::span<const asio::const_buffer> rest(buffers.data() + next, count - next);
    error_code ec;
    std::size_t sent = socket.write_some(rest, ec);
    writing.bytes += sent;
    co_await take_turns(sent);
    while (next < count && sent >= buffers[next].size())
      sent -= buffers[next++].size();
    if (next < count)
      buffers[next] += sent;
    if (ec == asio::error::would_block || ec == asio::error::try_again)
      ec = co_await wait_for(asio::socket_base::wait_write, writing);
    if (ec && ec != asio::error::interrupted) {
      keep = false;
      co_return fail(broken("a reply could not be sent", ec));
    }
  }
  co_return result<void>{};
}

asio::awaitable<bool> http_connection::read_head() {
  request = std::make_unique<request_parser>();
  // Ours below is the limit that counts: the parser's is one for the first line and one for the
  // rest, and depends on how the bytes come.
  request->header_limit(static_cast<std::uint32_t>(2 * options.max_header_bytes));
  std::size_t head_size = 0;
  continue_sent = replied = ended = chunked = bodiless = watching = false;
  keep = true;
  idle = true;
  status = 0;
  reading = {};
  for (;;) {
    const auto bytes = input.bytes();
    if (!bytes.empty()) {
      idle = false;
      error_code ec;
      const auto parsed = request->put(asio::buffer(bytes.data(), bytes.size()), ec);
      input.consume(parsed);
      head_size += parsed;
      const auto pending = request->is_header_done() ? 0 : input.bytes().size();
      if (head_size + pending > options.max_header_bytes) {
        co_await refuse_head(http::error::header_limit);
        co_return false;
      }
      if (request->is_header_done() && has_unknown_coding(*request)) {
        co_await refuse_head(http::error::bad_transfer_encoding);
        co_return false;
      }
      if (request->is_header_done()) {
        reading = writing = {};
        keep = request->keep_alive() && !stopping;
        target = split_target(request->target);
        co_return true;
      }
      if (ec && ec != http::error::need_more) {
        co_await refuse_head(ec);
        co_return false;
      }
    }
    // What counts for a head is the time from its first byte on.
    reading.bytes = 0;
    if (!co_await read_more(head_capacity, !idle)) {
      if (!idle && failure == asio::error::timed_out)
        co_await refuse_head(failure);
      co_return false;
    }
  }
}

asio::awaitable<void> http_connection::refuse_head(error_code why) {
  const bool too_long = why == http::error::header_limit || why == http::error::buffer_overflow;
  const std::string_view answer =
      why == http::error::bad_transfer_encoding
          ? "HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
      : too_long ? "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n"
                   "Content-Length: 0\r\n\r\n"
      : why == asio::error::timed_out
          ? "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
          : "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  keep = false;
  (void)co_await write_all(answer);
}

asio::awaitable<result<void>> http_connection::send_continue() {
  if (continue_sent || replied || request->version < 11 || !input.bytes().empty() ||
      !same_name(request->header("expect"), "100-continue"))
    co_return result<void>{};
  continue_sent = true;
  co_return co_await write_all("HTTP/1.1 100 Continue\r\n\r\n");
}

asio::awaitable<result<std::string_view>> http_connection::read_piece() {
  input.consume(std::exchange(used, 0));
  for (;;) {
    if (request->is_done())
      co_return std::string_view{};
    const auto bytes = input.bytes();
    error_code ec;
    std::size_t parsed = 0;
    request->piece = {};
    if (!bytes.empty())
      parsed = request->put(asio::buffer(bytes.data(), bytes.size()), ec);
    if (ec && ec != http::error::need_more) {
      keep = false;
      co_return fail(make_error(errc::protocol_error, "HTTP client: the body is malformed")
                         .with_cause(ec.message()));
    }
    if (!request->piece.empty()) {
      used = parsed;
      co_return request->piece;
    }
    input.consume(parsed);
    if (parsed > 0 || request->is_done())
      continue;
    if (auto sent = co_await send_continue(); !sent)
      co_return tl::unexpected(sent.error());
    if (input.bytes().size() > options.max_header_bytes + body_capacity) {
      keep = false;
      co_return fail(errc::protocol_error, "HTTP client: a chunk's header is too long");
    }
    if (!co_await read_more(body_capacity, true)) {
      keep = false;
      co_return fail(broken("a body did not arrive whole", failure));
    }
  }
}

bool http_connection::drain_buffered_body() {
  input.consume(std::exchange(used, 0));
  while (!request->is_done()) {
    const auto bytes = input.bytes();
    if (bytes.empty())
      return false;
    error_code ec;
    const auto parsed = request->put(asio::buffer(bytes.data(), bytes.size()), ec);
    input.consume(parsed);
    if ((ec && ec != http::error::need_more) || (parsed == 0 && !request->is_done()))
      return false;
  }
  return true;
}

bool http_connection::rest_is_short() const {
  const auto left = request->content_length_remaining();
  const bool comes = continue_sent || request->header("expect").empty();
  return comes && left && *left <= body_capacity;
}

asio::awaitable<bool> http_connection::skip_rest() {
  while (!drain_buffered_body()) {
    const bool more = co_await read_more(body_capacity, true);
    if (!more)
      co_return false;
  }
  co_return true;
}

asio::awaitable<result<void>> http_connection::begin_reply(int code, const header_list& headers,
                                                           std::optional<std::uint64_t> length,
                                                           std::string_view first_piece) {
  replied = true;
  status = code;
  if (stopping || !(drain_buffered_body() || rest_is_short()))
    keep = false;
  const bool no_content = status == 204 || status == 304;
  bodiless = no_content || request->method == "HEAD";
  chunked = !length && !no_content && request->version >= 11;
  if (!length && !chunked && !no_content)
    keep = false; // only the end of the connection ends such a reply
  length_left = length.value_or(0);

  std::string head = "HTTP/1.1 ";
  head.reserve(256);
  const auto reason = http::obsolete_reason(static_cast<http::status>(status));
  head.append(std::to_string(status)).append(" ").append(reason.data(), reason.size());
  head += "\r\n";
  append_header(head, "Date", http_date());
  for (const auto& [name, value] : headers)
    append_header(head, name, value);
  if (length && !no_content)
    append_header(head, "Content-Length", std::to_string(*length));
  if (chunked)
    append_header(head, "Transfer-Encoding", "chunked");
  if (!keep)
    append_header(head, "Connection", "close");
  else if (request->version < 11)
    append_header(head, "Connection", "keep-alive");
  head += "\r\n";
  length_left -= std::min<std::uint64_t>(length_left, first_piece.size());
  co_return co_await write_all(head, bodiless ? std::string_view{} : first_piece);
}

asio::awaitable<result<void>> http_connection::write_piece(std::string_view piece) {
  if (piece.empty() || bodiless)
    co_return result<void>{};
  if (!chunked) {
    length_left -= std::min<std::uint64_t>(length_left, piece.size());
    co_return co_await write_all(piece);
  }
  std::array<char, 20> room{};
  co_return co_await write_all(chunk_head(room, piece.size()), piece, "\r\n");
}

asio::awaitable<result<void>> http_connection::end_reply() {
  ended = true;
  if (bodiless)
    co_return result<void>{};
  if (chunked)
    co_return co_await write_all("0\r\n\r\n");
  if (length_left > 0)
    keep = false; // less than was promised: the client must see it
  co_return result<void>{};
}

/// A close with unread input resets the connection, and the client might lose our reply.
asio::awaitable<void> http_connection::linger() {
  error_code ec;
  reading = {};
  socket.shutdown(asio::socket_base::shutdown_send, ec);
  if (ec || !request || request->is_done())
    co_return;
  for (std::uint64_t dropped = 0; dropped < linger_bytes;) {
    input.consume(input.bytes().size());
    if (!co_await read_more(body_capacity, true))
      co_return;
    dropped += input.bytes().size();
  }
}

void http_connection::watch() {
  if (std::exchange(watching, true))
    return;
  socket.async_wait(asio::socket_base::wait_read, [this](error_code ec) {
    if (ec || !watching)
      return;
    char byte = 0;
    const auto got = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    // Further bytes are the next request; what comes after them cannot be seen from here.
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))) {
      watching = false;
      return;
    }
    keep = false;
    signal.emit(asio::cancellation_type::all);
  });
}

} // namespace sandfleet::transport
