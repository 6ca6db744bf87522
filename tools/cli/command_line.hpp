#pragma once

#include "tools/cli/context.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sandfleet::cli {

/// Parses the words behind the program's name, resolves the configuration, runs the subcommand that
/// was named, and returns the exit status.
[[nodiscard]] int run_command_line(std::vector<std::string> words,
                                   std::span<const std::unique_ptr<subcommand>> commands);

} // namespace sandfleet::cli
