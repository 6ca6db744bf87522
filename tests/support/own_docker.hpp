#pragma once

#include "tests/support/temporary_directory.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace sandfleet::tests {

/// A Docker engine of the test's own, beside whatever other there is: in namespaces of processes,
/// mounts and networks, so that nothing of it stays, however it ends. Without a network of its own
/// `--bridge=none` would delete the bridge of another engine. Sandboxes have no network but "none".
/// Until the end DOCKER_HOST names it.
class own_docker {
 public:
  /// Why there can be none here; empty: there can be one.
  [[nodiscard]] static std::string obstacle();

  /// Starts it, with further arguments of dockerd, and waits until it listens. `disk_mb`: its data
  /// are in so much memory, which can be filled.
  explicit own_docker(std::vector<std::string> options, int disk_mb = 0);
  ~own_docker();
  own_docker(const own_docker&) = delete;
  own_docker& operator=(const own_docker&) = delete;

  /// Both complete when it has ended, and what it had of containerd with it.
  void kill();
  void terminate();
  /// Waits until it listens.
  void start();

  /// The image with bash of tests/support/docker_engine.py.
  void make_image();
  /// A command where its processes are, which have other numbers there.
  void within(const std::string& command) const;
  /// A file of its namespace of networks, for those that it is to reach on loopback.
  [[nodiscard]] std::string network() const {
    return "/proc/" + std::to_string(inside_) + "/ns/net";
  }
  /// A file system for its data; as a path that this program sees too.
  [[nodiscard]] std::string data_dir() const { return place_.path() + "/data"; }
  /// Names of its containers, whether they run or not.
  [[nodiscard]] std::vector<std::string> containers() const;
  /// Waits for so many events since it was started, of a kind ("create") and, where it is told, of
  /// one container.
  void await_events(std::size_t count, const std::string& kind, const std::string& container = {});
  /// Waits until all containers but those have been removed by somebody.
  void await_removal(const std::vector<std::string>& but = {});
  /// Processes that containers have, or that wait for their end.
  [[nodiscard]] std::vector<std::string> container_processes() const;
  [[nodiscard]] std::string log();

 private:
  void end(int signal);
  [[nodiscard]] std::vector<std::string> enter() const;

  temporary_directory place_;
  std::vector<std::string> options_;
  std::string cgroup_;
  pid_t holder_ = -1; ///< removes what is left at the end
  pid_t inside_ = -1; ///< the first process of the namespaces
  int input_ = -1;    ///< of that
  pid_t entered_ = -1;
  pid_t daemon_ = -1;
  std::thread reader_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::string log_;
  bool listens_ = false;
  bool ended_ = true;
};

} // namespace sandfleet::tests
