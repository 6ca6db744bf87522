#include "runtime/core/text.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/stream_frame.hpp"
#include "sandbox_agent/exec/reaper.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/server/handlers.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace sandfleet::agent {

namespace asio = boost::asio;

namespace {

handling begin_stream(http_exchange& exchange) {
  transport::header_list headers;
  headers.emplace_back("Content-Type", std::string(protocol::stream_media_type));
  (void)co_await exchange.begin_reply(200, std::move(headers));
}

/// A client that no longer takes what it asked for has gone; that ends the process.
asio::awaitable<void> send_frame(http_exchange& exchange, protocol::frame_type type,
                                 std::string_view payload) {
  if (!exchange.replied())
    co_await begin_stream(exchange);
  std::string frame;
  frame.reserve(payload.size() + protocol::frame_header_bytes);
  protocol::append_frame(frame, type, payload);
  const auto sent = co_await exchange.write(frame);
  if (!sent)
    throw boost::system::system_error(asio::error::broken_pipe);
}

} // namespace

std::optional<error> refusal_of(const context& with, const exec_request& request) {
  const auto changed = request.is_check ? with.sources.changed() : std::nullopt;
  if (!changed)
    return std::nullopt;
  return make_error(errc::permission_denied,
                    "'" + *changed + "' has been changed, and with it what programs consist of");
}

/// A command whose client has gone is killed, like an `/exec`.
handling post_session_run(context& with, http_exchange& exchange) {
  const auto body = co_await read_json_body(exchange);
  if (!body)
    co_return;
  auto request = protocol::decode_session_run(*body);
  if (!request) {
    co_await reply_error(exchange, request.error());
    co_return;
  }
  if (!request->stdin_path.empty())
    request->stdin_path = files::absolute_path(request->stdin_path, with.working_dir);
  with.stats.action_began();
  exchange.cancel_when_client_goes();
  const auto session = co_await with.shells.get(request->session);
  if (!session) {
    co_await reply_error(exchange, session.error());
    co_return;
  }
  const auto outcome = co_await (*session)->eval(std::move(*request));
  if (outcome)
    co_await reply_json(exchange, 200, protocol::encode_session_run_reply(*outcome));
  else
    co_await reply_error(exchange, outcome.error());
}

handling post_exec(context& with, http_exchange& exchange) {
  const auto body = co_await read_json_body(exchange);
  if (!body)
    co_return;
  auto call = protocol::decode_exec(*body);
  if (!call) {
    co_await reply_error(exchange, call.error());
    co_return;
  }
  if (const auto why = refusal_of(with, call->request)) {
    co_await reply_error(exchange, *why);
    co_return;
  }
  with.stats.action_began();
  const bool streamed =
      exchange.header("accept").find(protocol::stream_media_type) != std::string_view::npos;
  output_sink sink;
  if (streamed) {
    sink = [&exchange](int number, std::string_view piece) {
      return send_frame(exchange, static_cast<protocol::frame_type>(number), piece);
    };
  }
  exchange.cancel_when_client_goes();
  const auto encoding = call->encoding;
  const auto outcome =
      co_await run_one_shot(std::move(call->request), with.one_shot, std::move(sink));
  if (!outcome)
    co_await reply_error(exchange, outcome.error());
  else if (streamed)
    co_await send_frame(exchange, protocol::frame_type::end, protocol::encode_exec_end(*outcome));
  else
    co_await reply_json(exchange, 200, protocol::encode_exec_reply(*outcome, encoding));
}

/// For one whose owner is not going to stop it.
/// Answered when the shells that run have them too; one at work has them once it is done.
handling post_environment(context& with, http_exchange& exchange) {
  const auto body = co_await read_json_body(exchange);
  if (!body)
    co_return;
  const auto variables = protocol::decode_environment(*body);
  if (!variables) {
    co_await reply_error(exchange, variables.error());
    co_return;
  }
  command_request exports;
  exports.command = "export";
  for (const auto& [name, value] : *variables) {
    with.one_shot.env[name] = value;
    exports.command += " " + name + "=" + core::quote_posix(value);
  }
  with.shells.set_environment(*variables);
  const auto running = with.shells.all();
  if (!variables->empty())
    for (const auto& session : running)
      (void)co_await session->eval(exports);
  co_await reply_json(exchange, 200, protocol::encode_environment(*variables));
}

handling post_life(context& with, http_exchange& exchange) {
  const auto body = co_await read_json_body(exchange);
  if (!body)
    co_return;
  const auto time = protocol::decode_life(*body);
  if (!time) {
    co_await reply_error(exchange, time.error());
    co_return;
  }
  with.life.cancel();
  if (time->count() > 0) {
    with.life.expires_after(*time);
    with.life.async_wait([&with](boost::system::error_code ec) {
      if (!ec)
        with.end();
    });
  }
  co_await reply_json(exchange, 200, protocol::encode_life(*time));
}

handling post_kill(context&, http_exchange& exchange) {
  return reply_json(exchange, 200, protocol::encode_kill_reply(kill_everything()));
}

} // namespace sandfleet::agent
