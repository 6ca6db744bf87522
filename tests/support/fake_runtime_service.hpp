#pragma once

#include "runtime/protocol/remote_api.hpp"
#include "runtime/transport/http_server.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::tests {

/// What the fake does instead of what was asked.
enum class mischief {
  none,
  busy,             ///< 429, come again at once
  away,             ///< 503, come again at once
  missing,          ///< 404, as a gateway says it
  bad_gateway,      ///< 502
  gateway_timeout,  ///< 504
  refuses,          ///< 500
  forbids,          ///< 401
  resets,           ///< breaks the connection before a reply
  breaks_off,       ///< sends half of a reply
  answers_nonsense, ///< 200, and no JSON
  answers_another,  ///< 200, and JSON of something else
  hangs,            ///< takes the request and never answers
  drips,            ///< begins a reply and never ends it
  pauses,           ///< the sandbox is paused under its user, and then the call is answered
  does_and_resets,  ///< does what was asked, and then breaks the connection
};

/// A small working runtime service whose sandboxes are rows of a table, and the gateway to their
/// agents. Mischief is set for calls by name: "session", "start", "runtime", "list", "pause",
/// "resume", "stop", "registry_prefix", "image_exists", "build", "build_status"; of agents "alive",
/// "life", "agent". For one thread.
class fake_runtime_service {
 public:
  struct sandbox_row {
    protocol::runtime_object told;
    protocol::runtime_start asked;
    int looks_until_ready = 0; ///< it is pending until it has been asked for so often
  };

  explicit fake_runtime_service(const boost::asio::any_io_executor& executor);

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

  void set(const std::string& call, mischief what, int times = 1);
  [[nodiscard]] int calls(const std::string& name) const;

  /// By its runtime id.
  std::map<std::string, sandbox_row> rows;
  int looks_until_ready = 0; ///< of those that are started
  std::string key = "key-of-the-service";
  std::string session_key = "key-of-the-sandbox";
  std::vector<std::string> wrong_keys; ///< calls that showed another than they should
  std::vector<std::string> build_states = {"SUCCESS"}; ///< one a look, the last for ever
  std::string build_body;                              ///< of the last `/build`
  std::vector<std::string> images;                     ///< that exist
  std::string agent_reply = "{}";
  std::function<void(const std::string& call)> on_call;

 private:
  struct answer {
    int status = 200;
    std::string body;
  };

  boost::asio::awaitable<void> handle(transport::http_exchange& exchange);
  boost::asio::awaitable<void> misbehave(transport::http_exchange& exchange, mischief what);
  answer reply_to(const std::string& name, const std::string& subject, const std::string& body);
  answer tell(sandbox_row& row) const;
  answer act_on(const std::string& name, const std::string& body);
  answer start(const std::string& body);

  boost::asio::any_io_executor executor_;
  std::map<std::string, std::pair<mischief, int>> mischiefs_;
  std::map<std::string, int> calls_;
  int next_ = 1;
  transport::http_server server_;
};

} // namespace sandfleet::tests
