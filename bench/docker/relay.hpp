#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sandfleet::bench {

using instant = std::chrono::steady_clock::time_point;

/// A call of a Docker engine as it passed by.
struct passed_call {
  std::string what; ///< "POST create", without what is named
  instant begin;
  instant end; ///< of its reply's head
};

/// Stands between a client and a Docker engine's socket and notes when calls pass. Passing one on
/// takes some 20 us each way.
class relay {
 public:
  relay(std::string path, std::string engine_path);
  ~relay();
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;

  /// What has passed since this was last asked.
  std::vector<passed_call> take_calls();
  /// When the first "ready" passed since then.
  instant take_ready();
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all();
  void serve(int client);

  std::string path_;
  std::string engine_path_;
  int listening_ = -1;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<passed_call> calls_;
  instant ready_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
};

/// A blocking connection to a unix socket; throws where nobody listens.
[[nodiscard]] int connect_to(const std::string& path);

} // namespace sandfleet::bench
