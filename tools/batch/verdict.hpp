#pragma once

#include "tools/batch/task.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/usage.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::batch {

/// How one command of a task ended. `exit_code` is empty when it timed out.
struct command_record {
  std::string command;
  std::optional<int> exit_code;
  std::string output;
  bool truncated = false;
  double seconds = 0;
  bool timed_out = false;
  bool shell_restarted = false;
  std::string shell; ///< what it was doing at the time-out, or how it ended
};

/// The steps of a task, in order.
enum class stage : std::uint8_t { start, files, setup, commands, verify, collect };

[[nodiscard]] std::string_view to_string(stage step) noexcept;

/// What happened in one attempt, as far as it got.
struct run_facts {
  std::vector<command_record> setup;
  std::vector<command_record> commands;
  std::vector<command_record> verify;
  std::optional<error> failure; ///< what ended the attempt before its end
  stage failed_at = stage::start;
  std::optional<std::int64_t> oom_kills;       ///< where the provider can tell
  std::map<std::string, std::int64_t> touched; ///< limits, as in `resource_usage`
};

/// Why a task ended as it did. No class: nothing went wrong.
struct verdict {
  std::optional<failure_class> blame;
  std::string cause;
  evidence_list evidence;
};

struct judgement {
  bool passed = false;
  verdict why;
};

/// Decides by the facts alone. `passed` says whether what was asked for was reached (verification
/// when there is one, else the expectation, else all exit codes 0); the verdict says whether
/// something went wrong, whose doing it was, and why. Both can be: a command failed, and the
/// verification passed nevertheless.
[[nodiscard]] judgement judge(const task& judged, const run_facts& facts);

/// "ok" or the name of the class.
[[nodiscard]] std::string_view class_name(const verdict& why) noexcept;

} // namespace sandfleet::batch
