#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace sandfleet::service {

/// What the service has done so far, for Prometheus (its text format 0.0.4). Thread-safe. Labels
/// have few values each: no ids, no names of users.
class metrics {
 public:
  /// "api" or "sandbox", and the reply's status.
  void count_request(std::string_view kind, int status);
  /// "ok", or the class of the failure.
  void count_start(std::string_view outcome, std::chrono::duration<double> took);

  /// `states`: how many sandboxes there are of each; `warm`: and in waiting, of each image.
  [[nodiscard]] std::string render(const std::map<std::string, std::int64_t>& states,
                                   const std::map<std::string, std::size_t>& warm = {}) const;

 private:
  static constexpr std::array<double, 10> bounds = {0.005, 0.01, 0.025, 0.1, 0.5,
                                                    1,     5,    15,    60,  300};

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;
  std::map<std::string, std::uint64_t> starts_;
  std::array<std::uint64_t, bounds.size()> within_{}; ///< successful starts, cumulative
  std::uint64_t measured_ = 0;
  double seconds_ = 0;
};

} // namespace sandfleet::service
