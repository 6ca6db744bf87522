#pragma once

#include "sandbox_agent/memory/memory_group.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sandfleet::agent {

struct process_memory {
  pid_t pid = 0;
  std::string name;
  std::int64_t resident = 0; ///< bytes
};

/// Those processes, or, when there are none, all in sight; the agent not; the largest first.
[[nodiscard]] std::vector<process_memory> processes_by_memory(std::vector<pid_t> processes);

/// "[Memory usage] 58 MiB of 64 MiB (91 %): python3 (12) 40 MiB, ...": of the processes at most the
/// first five.
[[nodiscard]] std::string memory_report(std::int64_t used, std::int64_t limit,
                                        const std::vector<process_memory>& processes);

/// Says in the log when the memory in use comes near its limit, and when the kernel kills for it.
/// Waits for what the kernel reports of itself: stalls for memory (PSI), and the events of the
/// control group; and looks when it is asked to.
class memory_monitor {
 public:
  /// `limit`: in bytes, beside that of the group. `group` outlives this.
  memory_monitor(boost::asio::any_io_executor executor, const memory_group& group,
                 std::optional<std::int64_t> limit);
  memory_monitor(const memory_monitor&) = delete;
  memory_monitor& operator=(const memory_monitor&) = delete;

  /// Until then it does nothing, and costs nothing.
  void start();

  /// At most once a second. For when something has happened that may have taken memory.
  void look();

 private:
  bool wait_for_stalls();
  bool wait_for_events();
  bool wait_for_threshold();
  void on_stall();
  void on_event();
  void on_threshold();
  void check();
  [[nodiscard]] std::int64_t total() const;

  boost::asio::posix::stream_descriptor pressure_;
  boost::asio::posix::stream_descriptor events_;
  const memory_group& group_;
  std::optional<std::int64_t> limit_;
  std::int64_t kills_ = 0;
  bool started_ = false;
  std::chrono::steady_clock::time_point looked_;
  std::chrono::steady_clock::time_point warned_;
  alignas(8) std::array<char, 4096> buffer_{};
};

} // namespace sandfleet::agent
