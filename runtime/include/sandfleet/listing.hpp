#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>
#include <sandfleet/spec.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet {

/// What can be seen of a sandbox from outside, whoever started it.
enum class listed_state : std::uint8_t {
  starting,
  running,
  paused,
  abandoned, ///< its owner, or the launcher of a kept one, has died: `engine::clean_up` removes it
};

[[nodiscard]] std::string_view to_string(listed_state state) noexcept;

/// A TCP port inside a sandbox that can be reached from this machine.
struct published_port {
  int port = 0;     ///< inside
  std::string name; ///< the variable that tells it inside (VSCODE_PORT, APP_PORT_1, APP_PORT_2), or
                    ///< empty
  std::string url;  ///< "http://127.0.0.1:50123"

  friend bool operator==(const published_port&, const published_port&) = default;
};

/// One sandbox of this user on this machine.
struct sandbox_info {
  sandbox_id id;
  std::string session_id; ///< empty: none
  provider_name provider;
  std::string image;
  isolation_mode isolation = isolation_mode::namespaces;
  listed_state state = listed_state::running;
  bool kept = false; ///< outlives the program that started it
  std::chrono::system_clock::time_point created;
  std::optional<std::chrono::system_clock::time_point> expires; ///< of a kept one
  int owner_pid = 0;                         ///< the program that started it; may have ended
  std::string owner_name;                    ///< of that program; empty when it has ended
  int launcher_pid = 0;                      ///< 0: not yet
  std::map<std::string, std::string> labels; ///< those of its specification
  std::vector<published_port> ports;         ///< while it runs
};

/// What was removed of one sandbox whose owner had died.
struct removed_sandbox {
  sandbox_id id;
  std::vector<int> processes; ///< that were still running, and were killed
  std::vector<std::string> control_groups;
  std::string directory; ///< with the sockets in it

  friend bool operator==(const removed_sandbox&, const removed_sandbox&) = default;
};

/// What an engine removed because the engine that owned it had died, and what it could not.
struct recovered {
  std::vector<removed_sandbox> removed;
  std::vector<error> failures;
};

} // namespace sandfleet
