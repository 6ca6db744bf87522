#include "runtime/transport/http_connection.hpp"

#include <charconv>

namespace sandfleet::transport {

namespace asio = boost::asio;

std::string_view http_exchange::method() const {
  return connection_.request->method;
}

const std::string& http_exchange::path() const {
  return connection_.target.path;
}

std::optional<std::string> http_exchange::query(std::string_view name) const {
  return query_value(connection_.target.query, name);
}

std::vector<std::string> http_exchange::queries(std::string_view name) const {
  return query_values(connection_.target.query, name);
}

std::string_view http_exchange::header(std::string_view name) const {
  return connection_.request->header(name);
}

std::optional<std::uint64_t> http_exchange::content_length() const {
  const auto text = header("content-length");
  std::uint64_t length = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || ec != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return length;
}

std::string_view http_exchange::target() const {
  return connection_.request->target;
}

const header_list& http_exchange::headers() const {
  return connection_.request->headers;
}

asio::awaitable<result<std::string_view>> http_exchange::read_piece() {
  return connection_.read_piece();
}

asio::awaitable<result<std::string>> http_exchange::read_body(std::size_t max_bytes) {
  const auto too_long = [&] {
    return fail(make_error(errc::limit_exceeded, "the request's body is too large")
                    .with("max_bytes", static_cast<std::int64_t>(max_bytes)));
  };
  const auto length = content_length();
  if (length && *length > max_bytes)
    co_return too_long();
  std::string body;
  for (;;) {
    const auto piece = co_await connection_.read_piece();
    if (!piece)
      co_return tl::unexpected(piece.error());
    if (piece->empty())
      co_return body;
    if (piece->size() > max_bytes - body.size())
      co_return too_long();
    if (body.empty() && length)
      body.reserve(static_cast<std::size_t>(*length));
    body.append(*piece);
  }
}

asio::awaitable<result<void>> http_exchange::reply(int status, header_list headers,
                                                   std::string body) {
  auto sent = co_await connection_.begin_reply(status, headers, body.size(), body);
  connection_.ended = true;
  co_return sent;
}

asio::awaitable<result<void>> http_exchange::begin_reply(int status, header_list headers,
                                                         std::optional<std::uint64_t> length) {
  co_return co_await connection_.begin_reply(status, headers, length, {});
}

asio::awaitable<result<void>> http_exchange::write(std::string_view piece) {
  return connection_.write_piece(piece);
}

asio::awaitable<result<raw_stream>> http_exchange::upgrade(std::string head) {
  auto& c = connection_;
  c.replied = true;
  c.status = 101;
  c.keep = false;
  auto sent = co_await c.write_all(head);
  if (!sent)
    co_return fail(std::move(sent.error()));
  c.upgraded = true;
  const auto behind = c.input.bytes();
  raw_stream given{std::move(c.socket), std::string(behind)};
  co_return given;
}

void http_exchange::abandon() {
  boost::system::error_code ignored;
  connection_.keep = false;
  connection_.socket.close(ignored);
}

bool http_exchange::replied() const {
  return connection_.replied;
}

int http_exchange::status() const {
  return connection_.status;
}

bool http_exchange::abandoned() const {
  return !connection_.socket.is_open();
}

void http_exchange::cancel_when_client_goes() {
  connection_.watch();
}

} // namespace sandfleet::transport
