#pragma once

#include <chrono>
#include <string>

namespace sandfleet::agent {

/// The numbers of `/server_info`, which the reference takes from psutil for its own process.
class system_stats {
 public:
  using clock = std::chrono::steady_clock;

  void action_began() { last_action_ = clock::now(); }

  /// JSON. The CPU's share is that since the last call (the reference sleeps for 0.1 s to measure
  /// it), or that of the last call when it is not 0.1 s ago.
  [[nodiscard]] std::string to_json();

 private:
  clock::time_point started_ = clock::now();
  clock::time_point last_action_ = started_;
  clock::time_point measured_ = started_;
  double measured_cpu_ = 0; ///< seconds that were used up to then
  double share_ = 0;        ///< percent of one processor
};

} // namespace sandfleet::agent
