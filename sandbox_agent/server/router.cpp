#include "sandbox_agent/server/router.hpp"

#include "runtime/protocol/agent_api.hpp"
#include "sandbox_agent/server/handlers.hpp"

#include <array>

namespace sandfleet::agent {

namespace {

struct endpoint_entry {
  std::string_view path;
  std::string_view method;
  handling (*handle)(context&, http_exchange&);
};

constexpr std::array<endpoint_entry, 20> endpoints{{
    {"/execute_action", "POST", &post_execute_action},
    {"/cancel", "POST", &post_cancel},
    {"/session/run", "POST", &post_session_run},
    {"/exec", "POST", &post_exec},
    {"/exec", "GET", &get_exec},
    {"/terminal", "GET", &get_terminal},
    {"/tunnel", "GET", &get_tunnel},
    {"/file", "PUT", &put_file},
    {"/file", "GET", &get_file},
    {"/glob", "POST", &post_glob},
    {"/processes/kill", "POST", &post_kill},
    {"/life", "POST", &post_life},
    {"/environment", "POST", &post_environment},
    {"/list_files", "POST", &post_list_files},
    {"/upload_file", "POST", &post_upload_file},
    {"/download_files", "GET", &get_download_files},
    {"/update_mcp_server", "POST", &post_update_mcp_server},
    {"/vscode/connection_token", "GET", &get_vscode_token},
    {"/alive", "GET", &get_alive},
    {"/server_info", "GET", &get_server_info},
}};

/// Takes the same time wherever the first difference is.
bool same_key(std::string_view given, std::string_view expected) {
  unsigned different = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const char c = i < given.size() ? given[i] : '\0';
    different |= static_cast<unsigned char>(c) ^ static_cast<unsigned char>(expected[i]);
  }
  return different == 0;
}

const endpoint_entry* find(std::string_view path, std::string_view method, bool& path_known) {
  for (const auto& entry : endpoints) {
    if (entry.path != path)
      continue;
    path_known = true;
    if (entry.method == method)
      return &entry;
  }
  return nullptr;
}

/// With the slash at its end taken away, or put there.
std::string other_spelling(const std::string& path) {
  return path.ends_with('/') ? path.substr(0, path.find_last_not_of('/') + 1) : path + "/";
}

handling redirect(http_exchange& exchange, std::string path) {
  transport::header_list headers;
  headers.emplace_back("Location", "http://" + std::string(exchange.header("host")) + path);
  (void)co_await exchange.reply(307, std::move(headers), {});
}

} // namespace

handling route(context& with, http_exchange& exchange) {
  bool path_known = false;
  const auto* found = find(exchange.path(), exchange.method(), path_known);
  const bool open = exchange.path() == "/alive" || exchange.path() == "/server_info";
  if (!open && !with.session_key.empty() &&
      !same_key(exchange.header(protocol::api_key_header), with.session_key))
    return reply_detail(exchange, 403, "Invalid API Key");
  if (found)
    return found->handle(with, exchange);
  if (path_known)
    return reply_detail(exchange, 405, "Method Not Allowed");
  const auto meant = other_spelling(exchange.path());
  bool meant_known = false;
  (void)find(meant, std::string_view(), meant_known);
  // A redirection would lose the parameters of those that have any.
  const bool has_parameters = exchange.query("path") || exchange.query("destination");
  return meant_known && !has_parameters ? redirect(exchange, meant)
                                        : reply_detail(exchange, 404, "Not Found");
}

} // namespace sandfleet::agent
