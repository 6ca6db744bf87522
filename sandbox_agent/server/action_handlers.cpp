#include "runtime/protocol/action_codec.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "runtime/protocol/utf8.hpp"
#include "sandbox_agent/server/action_jobs.hpp"
#include "sandbox_agent/server/handlers.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>

namespace sandfleet::agent {

namespace asio = boost::asio;

namespace {

constexpr std::string_view event_stream = "text/event-stream";

std::string output_event(std::string_view bytes, std::uint64_t lost) {
  protocol::json_writer data;
  data.begin_object().member("content", protocol::to_utf8(bytes));
  if (lost != 0)
    data.member("lost_bytes", static_cast<std::int64_t>(lost));
  data.end_object();
  return "event: output\ndata: " + std::move(data).take() + "\n\n";
}

/// What is printed, as `output` events, and then the answer, as `observation` or `error`.
handling stream_job(http_exchange& exchange, std::shared_ptr<action_job> job) {
  transport::header_list headers;
  headers.emplace_back("Content-Type", std::string(event_stream));
  headers.emplace_back("Cache-Control", "no-store");
  const auto begun = co_await exchange.begin_reply(200, std::move(headers));
  if (!begun)
    co_return;
  std::uint64_t seen = 0;
  std::string held; // of a character whose end has not come
  for (bool last = false; !last;) {
    co_await job->changed(seen);
    last = job->done();
    std::uint64_t lost = 0;
    auto bytes = held + job->take_output(seen, lost);
    const auto tail = last ? 0 : protocol::incomplete_tail(bytes);
    held = bytes.substr(bytes.size() - tail);
    bytes.resize(bytes.size() - tail);
    if (bytes.empty())
      continue;
    const auto event = output_event(bytes, lost);
    const auto sent = co_await exchange.write(event);
    if (!sent)
      co_return;
  }
  const auto name = job->status() == 200 ? "observation" : "error";
  const auto event = std::string("event: ") + name + "\ndata: " + job->body() + "\n\n";
  (void)co_await exchange.write(event);
}

} // namespace

handling get_alive(context& with, http_exchange& exchange) {
  return reply_json(exchange, 200,
                    with.ready ? R"({"status":"ok"})" : R"({"status":"not initialized"})");
}

handling get_server_info(context& with, http_exchange& exchange) {
  return reply_json(exchange, 200, with.stats.to_json());
}

handling get_vscode_token(context&, http_exchange& exchange) {
  return reply_json(exchange, 200, R"({"token":null})");
}

/// The list of MCP servers that are to be offered to the client. None can be run here, which the
/// log that the client shows says; a client that has none is content.
handling post_update_mcp_server(context&, http_exchange& exchange) {
  const auto body = co_await read_json_body(exchange);
  if (!body)
    co_return;
  const auto given = protocol::parse_json(*body);
  const auto* servers = given ? given->if_array() : nullptr;
  if (given && !servers) {
    co_await reply_detail(exchange, 400, "Request must be a list of MCP tools to sync");
    co_return;
  }
  const auto is_server = [](const boost::json::value& one) {
    const auto* members = one.if_object();
    return members && members->contains("name") && members->contains("command");
  };
  if (!given || !std::ranges::all_of(*servers, is_server)) {
    co_await reply_detail(exchange, 500, unexpected_failure);
    co_return;
  }
  protocol::json_writer out;
  out.begin_object()
      .member("detail", "MCP server updated successfully")
      .member("router_error_log", servers->empty() ? "" : "MCP servers cannot be run here")
      .end_object();
  co_await reply_json(exchange, 200, std::move(out).take());
}

/// When the client goes only the waiting ends.
handling post_execute_action(context& with, http_exchange& exchange) {
  const auto body = co_await read_json_body(exchange);
  if (!body)
    co_return;
  auto wanted = protocol::decode_action(*body);
  if (!wanted) {
    co_await reply_json(exchange, wanted.error().status, std::move(wanted.error().body));
    co_return;
  }
  with.stats.action_began();
  const bool streams = exchange.header("accept").find(event_stream) != std::string_view::npos;
  const auto job = with.actions.begin(exchange.header(protocol::idempotency_key_header), *body,
                                      std::move(*wanted), streams);
  if (!job) {
    co_await reply_error(exchange, job.error());
    co_return;
  }
  exchange.cancel_when_client_goes();
  if (streams) {
    co_await stream_job(exchange, *job);
    co_return;
  }
  co_await (*job)->answered();
  with.watches_memory.look();
  co_await reply_json(exchange, (*job)->status(), (*job)->body());
}

handling post_cancel(context& with, http_exchange& exchange) {
  const auto body = co_await read_json_body(exchange);
  if (!body)
    co_return;
  const auto wanted = protocol::decode_cancel(*body);
  if (!wanted) {
    co_await reply_error(exchange, wanted.error());
    co_return;
  }
  const auto session = with.shells.find(wanted->session);
  const bool cancelled = session && co_await session->interrupt(wanted->force);
  co_await reply_json(exchange, 200, protocol::encode_cancel_reply(cancelled));
}

} // namespace sandfleet::agent
