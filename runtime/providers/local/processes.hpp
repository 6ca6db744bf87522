#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sandfleet::providers::local {

/// A hold on a process: while it lasts its number means no other.
class process_hold {
 public:
  process_hold(process_hold&& other) noexcept;
  process_hold& operator=(process_hold&&) noexcept;
  ~process_hold();

  /// Nothing when there is no process of that number and start time (field 22 of /proc/PID/stat;
  /// 0: any).
  static std::optional<process_hold> take(pid_t pid, std::uint64_t start_time);

  void kill() const noexcept;
  void send(int signal) const noexcept;

  [[nodiscard]] pid_t id() const { return pid_; }
  /// A pidfd of the caller's own; readable when the process has ended. -1 without descriptors.
  [[nodiscard]] int duplicate() const;

  /// False when it has not ended at `deadline`.
  [[nodiscard]] bool wait_until(std::chrono::steady_clock::time_point deadline) const;

 private:
  process_hold(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
  pid_t pid_;
  int pidfd_;
};

/// 0 when there is no such process.
[[nodiscard]] std::uint64_t start_time_of(pid_t pid);

/// The name of its program, at most 15 bytes; empty when there is no such process.
[[nodiscard]] std::string name_of(pid_t pid);

/// Processes of this user whose initial environment holds the given line.
[[nodiscard]] std::vector<pid_t> processes_with_environment(const std::string& line);

} // namespace sandfleet::providers::local
