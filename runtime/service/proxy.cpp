#include "runtime/service/proxy.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/remote_api.hpp"
#include "runtime/service/replies.hpp"
#include "runtime/transport/http_head.hpp"

#include <algorithm>
#include <array>

namespace sandfleet::service {

namespace asio = boost::asio;
using transport::header_list;
using transport::http_exchange;

namespace {

constexpr int max_ways = 3;
constexpr std::chrono::milliseconds connect_patience{10'000};

/// Of the connection, not of the message (RFC 9110, 7.6.1), or made anew.
bool is_of_the_hop(std::string_view name) {
  static constexpr std::array<std::string_view, 11> names = {
      "connection",         "keep-alive", "proxy-connection", "te",   "trailer",
      "transfer-encoding",  "upgrade",    "content-length",   "host", "expect",
      "proxy-authorization"};
  return std::ranges::find(names, name) != names.end();
}

/// Whether the client wants to leave HTTP, for a WebSocket (RFC 9110, 7.8).
bool asks_for_upgrade(const http_exchange& exchange) {
  return !exchange.header("upgrade").empty() && exchange.method() == "GET" &&
         core::to_lower(std::string(exchange.header("connection"))).find("upgrade") !=
             std::string::npos;
}

header_list headers_for(const address& to, const http_exchange& exchange) {
  header_list passed;
  passed.reserve(exchange.headers().size() + 3);
  const bool ours = to.server == server_kind::main;
  const auto named = exchange.header("host");
  passed.emplace_back("Host", ours || named.empty() ? "localhost" : std::string(named));
  const auto key = core::to_lower(std::string(protocol::service_key_header));
  for (const auto& [name, value] : exchange.headers()) {
    const auto lower = core::to_lower(name);
    if (!is_of_the_hop(lower) && lower != key)
      passed.emplace_back(name, value);
  }
  if (!named.empty())
    passed.emplace_back("X-Forwarded-Host", std::string(named));
  if (!to.prefix.empty() && !ours)
    passed.emplace_back("X-Forwarded-Prefix", to.prefix);
  if (asks_for_upgrade(exchange)) {
    passed.emplace_back("Connection", "Upgrade");
    passed.emplace_back("Upgrade", std::string(exchange.header("upgrade")));
  }
  return passed;
}

header_list headers_for_client(const header_list& from) {
  header_list passed;
  for (const auto& [name, value] : from)
    if (const auto lower = core::to_lower(name); !is_of_the_hop(lower) && lower != "date")
      passed.emplace_back(name, value);
  return passed;
}

/// By the agent, which found nobody on the port.
bool was_refused(const error& why) {
  return std::ranges::any_of(why.evidence, [](const auto& one) { return one.first == "status"; });
}

error not_listening(const member& which, server_kind server, error seen) {
  return make_error(errc::connection_failed, "nothing answers on port " +
                                                 std::to_string(which.port_of(server)) + " of " +
                                                 which.id().str())
      .blamed_on(failure_class::agent)
      .with_cause(protocol::decode_failure(502, seen.cause, "the way to the port").message)
      .with_hint("start a server on that port in the sandbox, or wait until it listens");
}

/// What of the request's body is there already, and how long it is.
struct opening {
  std::string_view first;
  std::optional<std::uint64_t> length;
};

asio::awaitable<result<opening>> open_body(http_exchange& exchange) {
  opening found;
  found.length = exchange.content_length();
  const bool has_body =
      found.length.value_or(0) > 0 || !exchange.header("transfer-encoding").empty();
  if (!has_body) {
    found.length = 0;
    co_return found;
  }
  const auto piece = co_await exchange.read_piece();
  if (!piece)
    co_return fail(piece.error());
  found.first = *piece;
  co_return found;
}

/// The rest of the body. False when the client failed; an agent that takes no more may have
/// replied.
asio::awaitable<bool> send_rest(http_exchange& exchange, transport::upstream_call& call) {
  for (;;) {
    const auto piece = co_await exchange.read_piece();
    if (!piece)
      co_return false;
    if (piece->empty())
      break;
    const auto sent = co_await call.write(*piece);
    if (!sent)
      co_return true;
  }
  (void)co_await call.end_body();
  co_return true;
}

/// Both sides speak another protocol from here on.
asio::awaitable<void> leave_http(http_exchange& exchange, transport::upstream_call& call,
                                 const transport::upstream_head& head) {
  std::string text = "HTTP/1.1 101 Switching Protocols\r\n";
  for (const auto& [name, value] : head.headers)
    transport::append_header(text, name, value);
  text += "\r\n";
  auto client = co_await exchange.upgrade(std::move(text));
  if (client)
    co_await transport::relay(std::move(*client), call.take());
}

asio::awaitable<result<void>> send_pieces(http_exchange& exchange, transport::upstream_call& call) {
  for (;;) {
    const auto piece = co_await call.read_piece();
    if (!piece) {
      exchange.abandon(); // the client sees that it is not whole
      co_return result<void>{};
    }
    if (piece->empty())
      co_return result<void>{};
    const auto sent = co_await exchange.write(*piece);
    if (!sent)
      co_return result<void>{};
  }
}

asio::awaitable<result<void>> send_reply(http_exchange& exchange, transport::upstream_call& call,
                                         transport::upstream_head head) {
  auto headers = headers_for_client(head.headers);
  if (!head.length) { // it may take its time
    auto begun = co_await exchange.begin_reply(head.status, std::move(headers));
    if (!begun)
      co_return begun;
    co_return co_await send_pieces(exchange, call);
  }
  const auto first = co_await call.read_piece();
  if (!first)
    co_return fail(first.error());
  if (*head.length == first->size()) { // in one write
    std::string whole(*first);
    (void)co_await call.read_piece();
    co_return co_await exchange.reply(head.status, std::move(headers), std::move(whole));
  }
  auto sent = co_await exchange.begin_reply(head.status, std::move(headers), head.length);
  if (sent)
    sent = co_await exchange.write(*first);
  if (!sent)
    co_return sent;
  co_return co_await send_pieces(exchange, call);
}

journal::time_point now_in_ms() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// Keeps the journal's note of an action that its client has named: that it began and, when this
/// goes, how it was answered.
class action_note {
 public:
  action_note(fleet& all, const member& which, const http_exchange& exchange)
      : all_(all), exchange_(exchange) {
    row_.key = exchange.header(protocol::idempotency_key_header);
    if (row_.key.empty())
      return;
    row_.id = which.id();
    row_.method = exchange.method();
    row_.path = exchange.path();
    row_.begun = now_in_ms();
    all_.note_action(row_);
  }
  ~action_note() {
    if (row_.key.empty() || exchange_.status() == 0 || exchange_.abandoned())
      return;
    row_.ended = now_in_ms();
    row_.status = exchange_.status();
    all_.note_action(row_);
  }
  action_note(const action_note&) = delete;
  action_note& operator=(const action_note&) = delete;

 private:
  fleet& all_;
  const http_exchange& exchange_;
  journal::action_row row_;
};

/// With what the journal knows of the action, when its client has named it.
asio::awaitable<error> with_action(fleet& all, const member& which, const http_exchange& exchange,
                                   error why) {
  const auto key = exchange.header(protocol::idempotency_key_header);
  if (key.empty())
    co_return why;
  const auto known = co_await all.action(which.id(), std::string(key));
  const char* const became = !known          ? "never begun"
                             : !known->ended ? "begun, its end is not known"
                                             : "answered";
  auto told = std::move(why).with("action", became);
  if (known && known->ended)
    told = error(std::move(told)).with("action_status", known->status);
  co_return told;
}

} // namespace

asio::awaitable<void> pass_on(fleet& all, member_ptr which, address to, http_exchange& exchange) {
  const member::use in_use(which);
  const auto body = co_await open_body(exchange);
  if (!body) {
    co_await reply_failure(exchange, 400, body.error());
    co_return;
  }
  const auto headers = headers_for(to, exchange);
  error seen;
  std::uint64_t used = 0;
  for (int way = 1;; ++way) {
    auto route = co_await all.way_to(which, to.server, used, seen);
    if (!route) {
      const auto why = co_await with_action(all, *which, exchange, std::move(route.error()));
      co_await reply_failure(exchange, status_of_lost(why), why);
      co_return;
    }
    used = route->generation;
    const transport::upstream_request request{exchange.method(), to.target, headers, body->length};
    auto call = co_await route->server->begin(request, body->first, connect_patience);
    if (!call) {
      seen = std::move(call.error());
      if (was_refused(seen)) { // the sandbox is well, its server is not
        co_await reply_failure(exchange, 503, not_listening(*which, to.server, std::move(seen)));
        co_return;
      }
      if (way < max_ways)
        continue;
      co_await reply_failure(exchange, 502, seen);
      co_return;
    }
    const action_note noted(all, *which, exchange);
    const bool whole = body->length == std::uint64_t{0} || body->length == body->first.size() ||
                       co_await send_rest(exchange, **call);
    if (!whole)
      co_return;
    const bool may_upgrade = asks_for_upgrade(exchange);
    if (!may_upgrade) // whose client speaks before it is answered
      exchange.cancel_when_client_goes();
    auto head = co_await (*call)->read_head();
    if (head && head->status == 101 && may_upgrade) {
      co_await leave_http(exchange, **call, *head);
      co_return;
    }
    result<void> replied;
    if (head)
      replied = co_await send_reply(exchange, **call, std::move(*head));
    else
      replied = fail(std::move(head.error()));
    if (replied || exchange.replied() || replied.error().code == errc::cancelled)
      co_return;
    // What the agent has done of it is not known: its verdict tells, and nothing is sent twice.
    const auto verdict = co_await all.way_to(which, to.server, used, replied.error());
    const auto& why = verdict ? replied.error() : verdict.error();
    co_await reply_failure(exchange, status_of_lost(why), why);
    co_return;
  }
}

} // namespace sandfleet::service
