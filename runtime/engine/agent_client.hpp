#pragma once

#include "runtime/transport/http_base.hpp"
#include "runtime/transport/http_client.hpp"
#include "runtime/transport/websocket.hpp"

#include <sandfleet/action.hpp>
#include <sandfleet/error.hpp>
#include <sandfleet/terminal.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::engine_detail {

/// The calls of a sandbox's agent (sandbox_agent/README.md) as typed awaitables over kept
/// connections. Thread-safe; copies share the connections. Errors are those of `http_client`, and
/// what the agent's HTTP status means: 404 `not_found`, 413 `limit_exceeded`, 422
/// `invalid_argument`, 401 and 403 `permission_denied`, others `internal`. What a gateway answers
/// in its place is `connection_failed` (gateway_reply.hpp), after what it asks to wait for has been
/// waited for.
class agent_client {
 public:
  agent_client(boost::asio::any_io_executor executor, transport::http_base where,
               std::string session_key);

  [[nodiscard]] boost::asio::awaitable<result<command_result>> run(command_request request) const;
  [[nodiscard]] boost::asio::awaitable<result<exec_result>> exec(exec_request request) const;
  [[nodiscard]] boost::asio::awaitable<result<exec_result>>
  exec_streamed(exec_request request, std::function<void(int, std::string_view)> on_output) const;
  /// The same while standard input still comes: pieces of any size, the last empty. It lives on
  /// `executor`, a strand, on which this is to be awaited too; `next_input` is not called any more
  /// once this has completed.
  [[nodiscard]] boost::asio::awaitable<result<exec_result>>
  exec_fed(boost::asio::any_io_executor executor, exec_request request,
           std::function<void(int, std::string_view)> on_output,
           std::function<boost::asio::awaitable<result<std::string>>()> next_input) const;
  /// The connection to a terminal on which the program runs. It lives on `executor`, on which this
  /// is to be awaited too.
  [[nodiscard]] boost::asio::awaitable<result<transport::websocket>>
  open_terminal(boost::asio::any_io_executor executor, terminal_request request) const;
  [[nodiscard]] boost::asio::awaitable<result<void>> put_file(std::string path, std::string bytes,
                                                              std::uint32_t mode) const;
  [[nodiscard]] boost::asio::awaitable<result<file_content>> get_file(std::string path,
                                                                      std::size_t max_bytes) const;
  [[nodiscard]] boost::asio::awaitable<result<std::vector<std::string>>>
  glob(std::string pattern) const;
  [[nodiscard]] boost::asio::awaitable<result<void>> kill_processes() const;
  [[nodiscard]] boost::asio::awaitable<result<void>>
  set_environment(std::map<std::string, std::string> variables) const;
  [[nodiscard]] boost::asio::awaitable<result<std::string>>
  execute_action(std::string action_json, std::chrono::milliseconds timeout) const;

  /// True (as success) when the agent answers `/alive` at all; one whose gateway says that it
  /// cannot be reached at this moment is asked again until the time is over.
  [[nodiscard]] boost::asio::awaitable<result<void>> alive(std::chrono::milliseconds timeout) const;

 private:
  using exchange = std::function<boost::asio::awaitable<result<transport::http_reply>>()>;
  enum class patience { when_busy, when_away };
  [[nodiscard]] boost::asio::awaitable<result<transport::websocket>>
  open(boost::asio::any_io_executor executor, std::string path) const;

  [[nodiscard]] boost::asio::awaitable<result<transport::http_reply>>
  call(transport::http_request request, patience how = patience::when_busy) const;
  /// What the agent itself replied, or the last that a gateway did.
  [[nodiscard]] boost::asio::awaitable<result<transport::http_reply>>
  through_gateway(std::string what, std::chrono::milliseconds timeout, patience how,
                  exchange once) const;
  [[nodiscard]] std::string target(std::string_view path) const {
    return base_.path + std::string(path);
  }

  boost::asio::any_io_executor executor_;
  transport::http_base base_;
  transport::http_client http_;
  std::string session_key_;
};

} // namespace sandfleet::engine_detail
