#pragma once

#include "tools/batch/verdict.hpp"

#include <sandfleet/usage.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace sandfleet::batch {

struct collected_file {
  std::string bytes;
  std::uint32_t mode = 0;
};

/// Path → content, or why there is none.
using collection = std::map<std::string, std::variant<collected_file, error>>;

/// Those of the last attempt; `queue` is what passed from the beginning of the batch until it.
struct phase_seconds {
  double queue = 0;
  double start = 0;
  double setup = 0;
  double run = 0;
  double stop = 0;
};

/// An attempt that the infrastructure failed and that was made again.
struct retried_attempt {
  stage failed_at = stage::start;
  errc code = errc::internal;
  std::string cause;
};

/// One line of a result file.
struct task_result {
  std::string id;
  judgement judged;
  std::vector<command_record> setup;
  std::vector<command_record> commands;
  std::vector<command_record> verify;
  collection collected;
  unsigned attempts = 0;
  std::vector<retried_attempt> retried; ///< all but the last, in order
  phase_seconds seconds;
  resource_usage usage;
  limits_report limits;
  std::string provider;
  std::string sandbox; ///< its id; empty when none was started
  std::string image;
};

} // namespace sandfleet::batch
