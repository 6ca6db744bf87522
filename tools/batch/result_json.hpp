#pragma once

#include "tools/batch/task_result.hpp"

#include <string>

namespace sandfleet::batch {

/// The line of a result file for `done`, line feed included. `id` and `passed` come first.
[[nodiscard]] std::string result_line(const task_result& done);

} // namespace sandfleet::batch
