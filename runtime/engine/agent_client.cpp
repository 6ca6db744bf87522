#include "runtime/engine/agent_client.hpp"

#include "runtime/engine/gateway_reply.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/stream_frame.hpp"
#include "runtime/protocol/terminal_api.hpp"
#include "runtime/transport/deadline.hpp"
#include "runtime/transport/url.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace sandfleet::engine_detail {

namespace asio = boost::asio;
using transport::http_reply;
using transport::http_request;

namespace {

/// For calls whose work is bounded by itself.
constexpr std::chrono::milliseconds file_timeout{300'000};
constexpr std::chrono::milliseconds short_timeout{30'000};

/// A call with a time-out of its own is answered by the agent; only an agent that is stuck lets
/// this margin pass too.
constexpr std::chrono::milliseconds reply_margin{10'000};

/// What text grows by in JSON at worst: a control byte becomes \u00XX.
constexpr std::size_t json_growth = 6;
constexpr std::size_t json_frame_bytes = 64U << 10;
constexpr std::size_t max_stream_message_bytes = 4U << 20;

constexpr std::size_t idle_connections = 4;

/// Before a request is made again that a gateway has refused for the moment.
constexpr std::chrono::milliseconds first_wait{50};
constexpr std::chrono::milliseconds longest_wait{2'000};

http_request post(std::string target, std::string body, std::chrono::milliseconds timeout) {
  http_request request;
  request.method = "POST";
  request.target = std::move(target);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = std::move(body);
  request.timeout = timeout;
  return request;
}

error refusal(const protocol::terminal_refused& refused, const std::string& what) {
  return protocol::decode_failure(refused.status, protocol::encode_detail(refused.detail), what);
}

std::string octal(std::uint32_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode & 07777U);
  return text;
}

} // namespace

agent_client::agent_client(asio::any_io_executor executor, transport::http_base where,
                           std::string session_key)
    : executor_(std::move(executor)), base_(std::move(where)),
      http_(executor_, base_.where, idle_connections, base_.by),
      session_key_(std::move(session_key)) {}

asio::awaitable<result<http_reply>> agent_client::call(http_request request, patience how) const {
  if (!session_key_.empty())
    request.headers.emplace_back(protocol::api_key_header, session_key_);
  const auto what = request.method + " " + request.target;
  request.target = target(request.target);
  auto http = http_;
  result<http_reply> reply;
  if (base_.is_behind_gateway) {
    const auto timeout = request.timeout;
    exchange once = [&http, &request] { return http.send(request); };
    reply = co_await through_gateway(what, timeout, how, std::move(once));
  } else {
    reply = co_await http.send(std::move(request));
  }
  if (reply && (reply->status < 200 || reply->status > 299))
    co_return fail(protocol::decode_failure(reply->status, reply->body, what));
  co_return reply;
}

asio::awaitable<result<http_reply>> agent_client::through_gateway(std::string what,
                                                                  std::chrono::milliseconds timeout,
                                                                  patience how,
                                                                  exchange once) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto here = co_await asio::this_coro::executor;
  for (auto usual_wait = first_wait;; usual_wait = std::min(2 * usual_wait, longest_wait)) {
    auto reply = co_await once();
    if (!reply)
      co_return reply;
    auto refusal = gateway_refusal(*reply, what);
    if (!refusal)
      co_return reply;
    const bool waits = reply->status == 429 || (reply->status == 503 && how == patience::when_away);
    const auto wait = std::max(told_wait(*refusal).value_or(usual_wait), first_wait);
    if (!waits || std::chrono::steady_clock::now() + wait >= deadline)
      co_return fail(std::move(*refusal));
    asio::steady_timer timer(here, wait);
    boost::system::error_code ended;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    if (ended)
      co_return fail(errc::cancelled, what + ": cancelled");
  }
}

asio::awaitable<result<command_result>> agent_client::run(command_request request) const {
  auto message =
      post("/session/run", protocol::encode_session_run(request), request.timeout + reply_margin);
  message.max_reply_bytes = json_growth * request.max_output_bytes + json_frame_bytes;
  auto reply = co_await call(std::move(message));
  if (!reply)
    co_return fail(reply.error());
  co_return protocol::decode_session_run_reply(reply->body);
}

asio::awaitable<result<exec_result>> agent_client::exec(exec_request request) const {
  auto message = post("/exec", protocol::encode_exec(request, protocol::output_encoding::base64),
                      request.timeout + reply_margin);
  message.max_reply_bytes = 3 * request.max_output_bytes + json_frame_bytes;
  auto reply = co_await call(std::move(message));
  if (!reply)
    co_return fail(reply.error());
  co_return protocol::decode_exec_reply(reply->body, protocol::output_encoding::base64);
}

asio::awaitable<result<exec_result>>
agent_client::exec_streamed(exec_request request,
                            std::function<void(int, std::string_view)> on_output) const {
  auto message = post("/exec", protocol::encode_exec(request), request.timeout + reply_margin);
  message.headers.emplace_back("Accept", protocol::stream_media_type);

  protocol::frame_decoder frames;
  result<void> decoded;
  std::string end;
  std::string failure_body;
  message.on_body = [&](int status, std::string_view piece) {
    if (status != 200) {
      failure_body.append(piece.substr(0, json_frame_bytes - failure_body.size()));
      return;
    }
    if (!decoded)
      return;
    decoded = frames.feed(piece, [&](protocol::frame_type type, std::string_view payload) {
      if (type == protocol::frame_type::end)
        end = payload;
      else
        on_output(static_cast<int>(type), payload);
    });
  };
  auto http = http_;
  message.headers.emplace_back(protocol::api_key_header, session_key_);
  message.target = target(message.target);
  const exchange once = [&]() -> asio::awaitable<result<http_reply>> {
    failure_body.clear();
    auto reply = co_await http.send(message);
    if (reply && reply->status != 200)
      reply->body = failure_body;
    co_return reply;
  };
  result<http_reply> reply;
  if (base_.is_behind_gateway)
    reply = co_await through_gateway("POST /exec", message.timeout, patience::when_busy, once);
  else
    reply = co_await once();
  if (!reply)
    co_return fail(reply.error());
  if (reply->status != 200)
    co_return fail(protocol::decode_failure(reply->status, reply->body, "POST /exec"));
  if (!decoded)
    co_return fail(decoded.error());
  if (!frames.ended())
    co_return fail(errc::connection_failed, "POST /exec: the stream ended before its last frame");
  co_return protocol::decode_exec_reply(end);
}

asio::awaitable<result<transport::websocket>> agent_client::open(asio::any_io_executor executor,
                                                                 std::string path) const {
  const auto what = "GET " + path;
  transport::websocket_request message;
  message.target = target(path);
  if (!session_key_.empty())
    message.headers.emplace_back(protocol::api_key_header, session_key_);
  message.timeout = short_timeout;
  message.max_message_bytes = max_stream_message_bytes;
  auto outcome =
      co_await transport::websocket::open(executor, base_.where, std::move(message), base_.by);
  if (!outcome)
    co_return fail(std::move(outcome.error()));
  if (auto refusal = !outcome->connection && base_.is_behind_gateway
                         ? gateway_refusal(outcome->reply, what)
                         : std::nullopt)
    co_return fail(std::move(*refusal));
  if (!outcome->connection)
    co_return fail(protocol::decode_failure(outcome->reply.status, outcome->reply.body, what));
  co_return std::move(*outcome->connection);
}

asio::awaitable<result<transport::websocket>>
agent_client::open_terminal(asio::any_io_executor executor, terminal_request request) const {
  const std::string what = "GET /terminal";
  const protocol::terminal_order order(std::move(request));
  const auto text = protocol::encode_terminal_order(order);
  // The agent would close without a word.
  if (const auto checked = protocol::decode_terminal_order(text); !checked)
    co_return fail(errc::invalid_argument, checked.error().message);
  auto opened = co_await open(executor, "/terminal");
  if (!opened)
    co_return opened;
  transport::deadline limit(executor, short_timeout, [&opened] { opened->drop(); });
  auto sent = co_await opened->write_text(text);
  if (!sent)
    co_return fail(std::move(sent.error()));
  const auto answer = co_await opened->read();
  if (limit.cancel())
    co_return fail(make_error(errc::timed_out, what + ": no reply in time")
                       .blamed_on(failure_class::infrastructure));
  if (!answer)
    co_return fail(answer.error());
  const auto news = *answer && (*answer)->is_text
                        ? protocol::decode_terminal_news((*answer)->payload)
                        : fail(errc::protocol_error, what + ": no answer to what was asked");
  if (!news)
    co_return fail(news.error());
  if (const auto* refused = std::get_if<protocol::terminal_refused>(&*news))
    co_return fail(refusal(*refused, what));
  co_return opened;
}

asio::awaitable<result<void>> agent_client::put_file(std::string path, std::string bytes,
                                                     std::uint32_t mode) const {
  http_request message;
  message.method = "PUT";
  message.target = "/file?path=" + transport::url_encode_path(path) + "&mode=" + octal(mode);
  message.headers = {{"Content-Type", "application/octet-stream"}};
  message.body = std::move(bytes);
  message.timeout = file_timeout;
  auto reply = co_await call(std::move(message));
  if (!reply)
    co_return fail(reply.error());
  co_return result<void>{};
}

asio::awaitable<result<file_content>> agent_client::get_file(std::string path,
                                                             std::size_t max_bytes) const {
  http_request message;
  message.target = "/file?path=" + transport::url_encode_path(path);
  message.timeout = file_timeout;
  message.max_reply_bytes = max_bytes;
  auto reply = co_await call(std::move(message));
  if (!reply)
    co_return fail(reply.error());
  file_content content;
  const auto mode = reply->header("x-file-mode");
  const auto* mode_end = mode.data() + mode.size();
  const auto parsed = std::from_chars(mode.data(), mode_end, content.mode, 8);
  if (parsed.ec != std::errc{} || parsed.ptr != mode_end || content.mode > 07777)
    co_return fail(errc::protocol_error, "GET /file: the reply has no valid X-File-Mode");
  content.bytes = std::move(reply->body);
  co_return content;
}

asio::awaitable<result<std::vector<std::string>>> agent_client::glob(std::string pattern) const {
  auto reply = co_await call(post("/glob", protocol::encode_glob(pattern), short_timeout));
  if (!reply)
    co_return fail(reply.error());
  co_return protocol::decode_glob_reply(reply->body);
}

asio::awaitable<result<void>> agent_client::kill_processes() const {
  auto reply = co_await call(post("/processes/kill", "{}", short_timeout));
  if (!reply)
    co_return fail(reply.error());
  co_return result<void>{};
}

asio::awaitable<result<void>>
agent_client::set_environment(std::map<std::string, std::string> variables) const {
  // A shell takes them when what runs in it has ended.
  auto reply =
      co_await call(post("/environment", protocol::encode_environment(variables), file_timeout));
  if (!reply)
    co_return fail(reply.error());
  co_return result<void>{};
}

asio::awaitable<result<std::string>>
agent_client::execute_action(std::string action_json, std::chrono::milliseconds timeout) const {
  auto reply = co_await call(post("/execute_action", std::move(action_json), timeout));
  if (!reply)
    co_return fail(reply.error());
  co_return std::move(reply->body);
}

asio::awaitable<result<void>> agent_client::alive(std::chrono::milliseconds timeout) const {
  http_request message;
  message.target = "/alive";
  message.timeout = timeout;
  auto reply = co_await call(std::move(message), patience::when_away);
  if (!reply)
    co_return fail(reply.error());
  co_return result<void>{};
}

} // namespace sandfleet::engine_detail
