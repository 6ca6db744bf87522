#pragma once

#include "runtime/transport/http_server.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sandfleet::tests {

/// What the fake does instead of what was asked.
enum class fault {
  none,
  refuses,          ///< 500 with a message
  says_conflict,    ///< 409
  says_missing,     ///< 404: what was made before is not there any more
  forbids,          ///< 403
  disk_is_full,     ///< 500, as an engine without space says it
  port_is_taken,    ///< 500, as an engine says it of a port
  resets,           ///< breaks the connection before a reply
  breaks_off,       ///< sends half of a reply
  answers_nonsense, ///< 200, and no JSON
  hangs,            ///< takes the request and never answers
  does_and_resets,  ///< does what was asked, and then breaks the connection
};

/// A small working Docker engine without containers: it keeps a table of them, and says "ready" for
/// their agents. Faults are set for calls by name: "ping", "create", "start", "attach", "inspect",
/// "remove", "events", "image", "pull", "archive", "connect".
class fake_docker {
 public:
  fake_docker(const boost::asio::any_io_executor& executor, const std::string& socket);

  void set_fault(const std::string& call, fault what, int times = 1);
  /// A container ends; `oom`: the kernel killed for memory.
  void end_container(const std::string& name, int exit_code, bool oom = false);
  void cut_events();
  /// Its socket is gone, and whoever is connected is cut off; `come_back` listens again.
  void go_away();
  void come_back();
  void cut_output(const std::string& name);

  /// Answers on a port of loopback as well, as an engine elsewhere; returns it.
  std::uint16_t listen_on_tcp();

  [[nodiscard]] std::vector<std::string> containers() const;
  [[nodiscard]] int calls(const std::string& name) const;

  bool has_image = true;
  bool says_ready = true;
  bool ends_at_once = false; ///< what is started
  bool live_restore = false; ///< as the engine says it
  /// Told of each call as it arrives, with the container that it names.
  std::function<void(const std::string& call, const std::string& container)> on_call;

 private:
  struct container {
    std::string status = "created";
    int exit_code = 0;
    bool oom = false;
    std::map<std::string, std::string> labels;
    std::shared_ptr<boost::asio::steady_timer> output; ///< wakes its follower
    int output_generation = 0;
  };

  boost::asio::awaitable<void> handle(transport::http_exchange& exchange);
  boost::asio::awaitable<void> answer(transport::http_exchange& exchange, std::string name,
                                      std::string container_name);
  boost::asio::awaitable<void> attach(transport::http_exchange& exchange, std::string name);
  boost::asio::awaitable<void> events(transport::http_exchange& exchange);
  void tell(const std::string& name, const std::string& action);

  boost::asio::any_io_executor executor_;
  std::map<std::string, container> table_;
  std::map<std::string, std::pair<fault, int>> faults_;
  std::map<std::string, int> calls_;
  std::vector<std::string> told_; ///< events
  int events_generation_ = 0;
  std::shared_ptr<boost::asio::steady_timer> news_;
  std::string socket_;
  std::unique_ptr<transport::http_server> server_;
  transport::http_server tcp_server_;
};

} // namespace sandfleet::tests
