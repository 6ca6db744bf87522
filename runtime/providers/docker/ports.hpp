#pragma once

#include "runtime/providers/docker/container.hpp"
#include "runtime/providers/registry.hpp"

#include <sandfleet/error.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace sandfleet::providers::docker {

/// A file that is locked and goes with the lock: whoever waits for such a lock has to see that.
class port_lock {
 public:
  port_lock(std::string path, file_lock lock);
  port_lock(port_lock&& other) noexcept = default;
  port_lock& operator=(port_lock&& other) noexcept;
  ~port_lock();

 private:
  void release();
  std::string path_; ///< empty: moved from
  file_lock lock_;
};

/// Ports of this machine that are a sandbox's as long as this lives. Other programs of this user
/// respect that; those of others are seen when they listen, or by the engine's refusal.
struct held_ports {
  port_set numbers;
  std::vector<port_lock> locks;
};

/// Which ports a container wants.
struct port_wishes {
  bool agent = false;
  bool others = false;      ///< VSCode's and the two for applications
  std::uint16_t vscode = 0; ///< which one; 0: any
  std::string address;      ///< of this machine
};

/// Free ports of the ranges that OpenHands uses (docker_runtime.py): 30000 to 39999 for the agent,
/// 40000 to 49999 for VSCode, 50000 to 54999 and 55000 to 59999 for applications. `dir` holds the
/// locks, and is made. `limit_exceeded` when a range has none.
[[nodiscard]] result<held_ports> take_ports(const std::string& dir, const port_wishes& wishes);

/// Removes the locks of those that nobody holds, whose programs were killed.
void forget_free_ports(const std::string& dir);

} // namespace sandfleet::providers::docker
