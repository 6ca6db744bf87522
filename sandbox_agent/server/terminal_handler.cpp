#include "runtime/protocol/agent_api.hpp"
#include "runtime/protocol/terminal_api.hpp"
#include "sandbox_agent/bash/find_program.hpp"
#include "sandbox_agent/bash/process_tree.hpp"
#include "sandbox_agent/exec/program.hpp"
#include "sandbox_agent/exec/remote_viewer.hpp"
#include "sandbox_agent/server/handlers.hpp"

#include <boost/asio/this_coro.hpp>

#include <map>

namespace sandfleet::agent {

namespace asio = boost::asio;
using transport::close_code;

namespace {

std::map<std::string, std::string>
environment_of(const context& with, const terminal_request& request, const std::string& marker) {
  auto env = with.one_shot.env;
  for (const auto& [name, value] : request.env)
    env[name] = value;
  env.try_emplace("PATH", usual_path);
  env.try_emplace("TERM", "xterm-256color");
  env[std::string(tree_marker_name)] = marker;
  return env;
}

/// bash with a prompt that says where it is (its start-up files come later and win), or sh.
std::string usual_shell(std::map<std::string, std::string>& env, const std::string& working_dir) {
  if (!find_program("bash", env.at("PATH"), working_dir))
    return "sh";
  env.try_emplace("PS1", R"(\u@\h:\w\$ )");
  return "bash";
}

result<pty_process> start_on_pty(const context& with, const terminal_request& request,
                                 const std::string& marker) {
  auto env = environment_of(with, request, marker);
  pty_spec spec;
  spec.working_dir = directory_of(request.cwd, with.working_dir);
  spec.argv = request.argv;
  if (spec.argv.empty())
    spec.argv.push_back(usual_shell(env, spec.working_dir));
  const auto found = resolve_program(spec.argv.front(), env.at("PATH"), spec.working_dir);
  if (!found)
    return fail(found.error());
  spec.program = *found;
  for (const auto& [name, value] : env)
    spec.environment.push_back(name + "=" + value);
  spec.rows = request.size.rows;
  spec.columns = request.size.columns;
  auto started = spawn_on_pty(spec);
  if (started)
    return started;
  for (const auto& [name, value] : started.error().evidence)
    if (const auto* number = std::get_if<std::int64_t>(&value); number && name == "errno")
      return fail(start_error("cannot run '" + spec.argv.front() + "'", static_cast<int>(*number)));
  return started;
}

/// The first message; nothing when there is none of the right form, which has been said then.
asio::awaitable<std::optional<terminal_request>> read_request(transport::websocket& client) {
  const auto text = co_await read_first(client);
  if (!text)
    co_return std::nullopt;
  auto order = protocol::decode_terminal_order(*text);
  if (!order) {
    co_await client.close(close_code::bad_payload, "a text that is no message of a terminal");
    co_return std::nullopt;
  }
  if (auto* request = std::get_if<terminal_request>(&*order))
    co_return std::move(*request);
  co_await client.close(close_code::policy, "the first message must be \"open\"");
  co_return std::nullopt;
}

} // namespace

handling get_terminal(context& with, http_exchange& exchange) {
  auto client = co_await accept_client(exchange, protocol::max_terminal_message_bytes);
  if (!client)
    co_return;
  const auto request = co_await read_request(*client);
  if (!request)
    co_return;
  with.stats.action_began();
  auto terminal = request->name.empty() ? nullptr : with.terminals.find(request->name);
  protocol::terminal_opened opened;
  opened.joined = terminal != nullptr;
  if (!terminal) {
    auto marker = next_tree_marker();
    auto process = start_on_pty(with, *request, marker);
    if (!process) {
      co_await refuse(*client, process.error());
      co_return;
    }
    const auto executor = co_await asio::this_coro::executor;
    terminal = std::make_shared<shared_terminal>(executor, std::move(*process), std::move(marker));
    terminal->begin();
    if (!request->name.empty())
      with.terminals.add(request->name, terminal);
  }
  const auto text = protocol::encode_terminal_news(opened);
  co_await view_terminal(std::move(terminal), std::move(*client), text, request->size);
}

} // namespace sandfleet::agent
