#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/terminal_api.hpp"
#include "runtime/transport/deadline.hpp"
#include "sandbox_agent/server/handlers.hpp"

#include <boost/asio/this_coro.hpp>

namespace sandfleet::agent {

namespace asio = boost::asio;
using transport::close_code;

namespace {

constexpr int upgrade_required = 426;
constexpr std::chrono::seconds time_to_ask{30};

} // namespace

asio::awaitable<std::optional<transport::websocket>> accept_client(http_exchange& exchange,
                                                                   std::size_t max_message_bytes) {
  if (!exchange.asks_for_websocket()) {
    transport::header_list headers;
    headers.emplace_back("Content-Type", "application/json");
    headers.emplace_back("Upgrade", "websocket");
    (void)co_await exchange.reply(
        upgrade_required, std::move(headers),
        protocol::encode_detail("this endpoint is a WebSocket: see RFC 6455, 4.1"));
    co_return std::nullopt;
  }
  auto client = co_await exchange.accept_websocket(max_message_bytes);
  if (!client)
    co_return std::nullopt;
  co_return std::move(*client);
}

asio::awaitable<std::optional<std::string>> read_first(transport::websocket& client) {
  transport::deadline limit(co_await asio::this_coro::executor, time_to_ask,
                            [&client] { client.drop(); });
  const auto message = co_await client.read();
  limit.cancel();
  if (!message || !*message)
    co_return std::nullopt;
  if ((*message)->is_text)
    co_return std::string((*message)->payload);
  co_await client.close(close_code::policy, "the first message must be the request");
  co_return std::nullopt;
}

asio::awaitable<void> refuse(transport::websocket& client, const error& why) {
  protocol::terminal_refused refused;
  refused.status = protocol::http_status_of(why);
  refused.detail = why.to_string();
  const auto text = protocol::encode_terminal_news(std::move(refused));
  const auto told = co_await client.write_text(text);
  if (told)
    co_await client.close(close_code::policy, "the program cannot be started");
}

} // namespace sandfleet::agent
