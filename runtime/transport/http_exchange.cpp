#include "runtime/transport/http_connection.hpp"

#include <charconv>

namespace sandfleet::transport {

namespace asio = boost::asio;

std::string_view http_exchange::method() const {
  return connection_.request->method;
}

const std::string& http_exchange::path() const {
  return connection_.path;
}

std::optional<std::string> http_exchange::query(std::string_view name) const {
  std::string_view rest = connection_.query;
  while (!rest.empty()) {
    const auto one = rest.substr(0, rest.find('&'));
    const auto equals = one.find('=');
    if (url_decode(one.substr(0, equals), true) == name)
      return equals == one.npos ? std::string() : url_decode(one.substr(equals + 1), true);
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
  }
  return std::nullopt;
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

void http_exchange::abandon() {
  boost::system::error_code ignored;
  connection_.keep = false;
  connection_.socket.close(ignored);
}

bool http_exchange::replied() const {
  return connection_.replied;
}

bool http_exchange::abandoned() const {
  return !connection_.socket.is_open();
}

void http_exchange::cancel_when_client_goes() {
  connection_.watch();
}

std::string url_decode(std::string_view text, bool plus_is_blank) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      decoded += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
               digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

} // namespace sandfleet::transport
