#include "runtime/protocol/agent_api.hpp"
#include "sandbox_agent/server/handlers.hpp"

namespace sandfleet::agent {

namespace {
constexpr std::size_t max_json_bytes = std::size_t{64} << 20;
}

handling reply_json(http_exchange& exchange, int status, std::string body) {
  transport::header_list headers;
  headers.emplace_back("Content-Type", "application/json");
  (void)co_await exchange.reply(status, std::move(headers), std::move(body));
}

handling reply_detail(http_exchange& exchange, int status, std::string detail) {
  return reply_json(exchange, status, protocol::encode_detail(detail));
}

handling reply_error(http_exchange& exchange, error failure) {
  const int status = protocol::http_status_of(failure);
  if (status == 422)
    return reply_json(exchange, status, protocol::encode_invalid_request(failure.to_string()));
  return reply_detail(exchange, status, failure.to_string());
}

boost::asio::awaitable<std::optional<std::string>> read_json_body(http_exchange& exchange) {
  auto body = co_await exchange.read_body(max_json_bytes);
  if (body)
    co_return std::move(*body);
  const auto code = body.error().code;
  if (code == errc::limit_exceeded)
    co_await reply_error(exchange, body.error());
  else
    co_await reply_detail(exchange, 400, body.error().to_string());
  co_return std::nullopt;
}

} // namespace sandfleet::agent
