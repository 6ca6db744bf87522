#pragma once

#include "tools/cli/context.hpp"

#include <sandfleet/error.hpp>

#include <string>

namespace sandfleet::batch {

/// Runs the tasks of a file with an engine of its own, tells people about it, and returns the exit
/// status. An error says that the batch could not be run or could not go on; results that were kept
/// until then stay.
[[nodiscard]] result<int> run_batch(const cli::cli_context& context, const std::string& tasks_path,
                                    const std::string& results_path);

} // namespace sandfleet::batch
