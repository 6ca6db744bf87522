#include "runtime/protocol/action_codec.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/json_object.hpp"
#include "runtime/protocol/json_writer.hpp"
#include "sandbox_agent/server/handlers.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>

namespace sandfleet::agent {

namespace asio = boost::asio;

namespace {

asio::awaitable<result<protocol::observation>> run(context& with, protocol::run_action action) {
  auto session = co_await with.shells.get(session_name("default"));
  if (!session)
    co_return protocol::error_observation{session.error().to_string(), ""};
  auto outcome = co_await (*session)->run(std::move(action));
  if (auto* ran = std::get_if<protocol::run_observation>(&outcome))
    co_return std::move(*ran);
  co_return std::get<protocol::error_observation>(std::move(outcome));
}

asio::awaitable<result<protocol::observation>> perform(context& with, protocol::action action) {
  if (auto* wanted = std::get_if<protocol::run_action>(&action))
    co_return co_await run(with, std::move(*wanted));
  if (const auto* wanted = std::get_if<protocol::read_action>(&action))
    co_return with.file_actions.read(*wanted, with.shells.working_dir());
  if (const auto* wanted = std::get_if<protocol::write_action>(&action))
    co_return with.file_actions.write(*wanted, with.shells.working_dir());
  co_return with.file_actions.edit(std::get<protocol::edit_action>(action));
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

/// When the client goes only the waiting ends: the command goes on, and the next action shows its
/// output.
handling post_execute_action(context& with, http_exchange& exchange) {
  const auto body = co_await read_json_body(exchange);
  if (!body)
    co_return;
  auto action = protocol::decode_action(*body);
  if (!action) {
    co_await reply_json(exchange, action.error().status, std::move(action.error().body));
    co_return;
  }
  with.stats.action_began();
  exchange.cancel_when_client_goes();
  const auto turn = co_await with.action_turns->take();
  const auto outcome = co_await perform(with, std::move(*action));
  if (outcome)
    co_await reply_json(exchange, 200, protocol::encode(*outcome));
  else
    co_await reply_detail(exchange, 500, "Internal server error: " + outcome.error().message);
}

} // namespace sandfleet::agent
