#pragma once

#include "sandbox_agent/server/context.hpp"

#include <sandfleet/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <string>

/// One function an endpoint (sandbox_agent/README.md).
namespace sandfleet::agent {

using handling = boost::asio::awaitable<void>;
using transport::http_exchange;

handling get_alive(context& with, http_exchange& exchange);
handling get_server_info(context& with, http_exchange& exchange);
handling post_execute_action(context& with, http_exchange& exchange);
handling post_update_mcp_server(context& with, http_exchange& exchange);
handling post_cancel(context& with, http_exchange& exchange);
handling get_vscode_token(context& with, http_exchange& exchange);

handling post_session_run(context& with, http_exchange& exchange);
handling post_exec(context& with, http_exchange& exchange);
handling get_exec(context& with, http_exchange& exchange);
handling get_terminal(context& with, http_exchange& exchange);
handling get_tunnel(context& with, http_exchange& exchange);
handling post_kill(context& with, http_exchange& exchange);
handling post_life(context& with, http_exchange& exchange);
handling post_environment(context& with, http_exchange& exchange);

handling post_list_files(context& with, http_exchange& exchange);
handling post_upload_file(context& with, http_exchange& exchange);
handling get_download_files(context& with, http_exchange& exchange);
handling put_file(context& with, http_exchange& exchange);
handling get_file(context& with, http_exchange& exchange);
handling post_glob(context& with, http_exchange& exchange);

/// Shared by them.
inline constexpr const char* unexpected_failure =
    "An unexpected error occurred. Please try again later.";
handling reply_json(http_exchange& exchange, int status, std::string body);
handling reply_detail(http_exchange& exchange, int status, std::string detail);
handling reply_error(http_exchange& exchange, error failure);
/// The body of a JSON request; nothing when it could not be read, which is answered then.
boost::asio::awaitable<std::optional<std::string>> read_json_body(http_exchange& exchange);
/// Why a program must not be run.
std::optional<error> refusal_of(const context& with, const exec_request& request);

/// The client of an endpoint that is a WebSocket; nothing when it has been answered otherwise.
boost::asio::awaitable<std::optional<transport::websocket>>
accept_client(http_exchange& exchange, std::size_t max_message_bytes);
/// Its first message, a text; nothing when there is none in time, or none that may come first.
boost::asio::awaitable<std::optional<std::string>> read_first(transport::websocket& client);
/// Says why what was asked for cannot be, by a message "refused", and closes.
boost::asio::awaitable<void> refuse(transport::websocket& client, const error& why);

} // namespace sandfleet::agent
