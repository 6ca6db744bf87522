#pragma once

#include "tests/support/temporary_directory.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// The built agent as a real process in a directory of its own, and a plain HTTP client for it.
namespace agent_test {

struct answer {
  int status = 0;
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
};

/// One connection; every call waits for its answer. Throws when the connection breaks.
class connection {
 public:
  explicit connection(const std::string& socket_path);
  explicit connection(std::uint16_t port); ///< of 127.0.0.1
  ~connection();
  connection(connection&& other) noexcept;
  connection& operator=(connection&&) = delete;

  void send(std::string_view bytes);
  /// The next answer, chunks put together.
  answer receive();
  /// As many bytes as come next; empty at the end of the stream.
  std::string receive_some();
  answer request(const std::string& method, const std::string& target, const std::string& body = {},
                 const std::string& more_headers = {});
  [[nodiscard]] int fd() const { return fd_; }

  std::string host = "x"; ///< what requests name

 private:
  std::string line();
  std::string bytes(std::size_t count);

  int fd_;
  std::string held_;
};

class agent_process {
 public:
  struct how {
    std::string key = "secret";
    std::vector<std::string> arguments;
    std::map<std::string, std::string> env;
    std::vector<std::string> wrapper; ///< what comes before the agent's own words
  };

  agent_process() : agent_process(how{}) {}
  explicit agent_process(const how& started); ///< returns when the agent is ready
  ~agent_process();
  agent_process(const agent_process&) = delete;
  agent_process& operator=(const agent_process&) = delete;

  [[nodiscard]] connection connect() const { return connection(socket_path()); }
  answer post(const std::string& target, const std::string& body) const;
  answer get(const std::string& target) const;
  answer run_action(const std::string& command) const;

  [[nodiscard]] std::string socket_path() const { return directory_ / "s"; }
  [[nodiscard]] std::string workspace() const { return directory_ / "w"; }
  [[nodiscard]] std::string key_header() const { return "X-Session-API-Key: " + key_ + "\r\n"; }
  [[nodiscard]] pid_t pid() const { return pid_; } ///< of the guardian
  [[nodiscard]] pid_t server_pid() const;          ///< of its child

  void signal(int number) const;
  void end_lifeline();
  /// Waits for the agent's end; its exit code, or 128 and the signal.
  int wait();

 private:
  sandfleet::tests::temporary_directory directory_;
  std::string key_;
  pid_t pid_ = 0;
  int lifeline_ = -1;
};

/// Processes whose environment holds `SANDBOX_TEST=<mark>`, zombies left out.
std::vector<pid_t> processes_marked(const std::string& mark);

/// Waits for a process that is not our child to be gone.
bool gone(pid_t pid, std::chrono::milliseconds patience);

/// The text of a member of a flat JSON object, as it stands there.
std::string member(const std::string& json, const std::string& name);

} // namespace agent_test
