#pragma once

#include "runtime/docker/types.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace sandfleet::providers::docker {

/// Makes lines for people out of what an engine tells of a pull, which is many a second. Pure.
class pull_progress {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Something to say: at most once a second, and whatever concerns no layer at once.
  [[nodiscard]] std::optional<std::string> take(const sandfleet::docker::progress_line& line,
                                                time_point now);

 private:
  struct layer {
    std::string doing;
    std::int64_t current = 0;
    std::int64_t total = 0;
  };

  [[nodiscard]] std::string summary() const;

  std::map<std::string, layer> layers_;
  std::optional<time_point> last_;
};

} // namespace sandfleet::providers::docker
