#pragma once

#include <sandfleet/action.hpp>
#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>
#include <sandfleet/spec.hpp>
#include <sandfleet/usage.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace sandfleet::cli {

/// Seconds between successive calls of `lap`, by the monotonic clock.
class stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - begin_;
    begin_ = now;
    return passed.count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// What there is to say of one `sandfleet run`. `result` or `failure` is set.
struct run_report {
  std::optional<exec_result> result;
  std::optional<error> failure;
  bool executed = false; ///< the sandbox stood and was asked to run the command
  bool kept = false;     ///< the sandbox was left running
  sandbox_spec spec;
  sandbox_id id;
  limits_report limits;
  resource_usage usage;
  double start_seconds = 0;
  double run_seconds = 0;
  double stop_seconds = 0;
};

/// One line of JSON; `status` is what the program is about to exit with. Bytes that are not UTF-8
/// become U+FFFD. The members are those of a result of `sandfleet batch` where they fit.
[[nodiscard]] std::string to_json(const run_report& report, int status);

/// The same of a sandbox that was started without a command.
[[nodiscard]] std::string started_json(const sandbox_id& id, const limits_report& limits);

} // namespace sandfleet::cli
