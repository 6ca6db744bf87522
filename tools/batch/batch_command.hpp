#pragma once

#include "tools/cli/context.hpp"

#include <memory>

namespace sandfleet::batch {

/// `sandfleet batch`: every task of a file in a sandbox of its own.
[[nodiscard]] std::unique_ptr<cli::subcommand> make_batch_command();

} // namespace sandfleet::batch
