#pragma once

#include "runtime/docker/types.hpp"
#include "tools/cli/machine_checks.hpp"

#include <string>
#include <vector>

namespace sandfleet::cli {

/// What an engine's word on itself means for containers. Pure.
[[nodiscard]] std::vector<finding> judge_engine(const docker::engine_info& engine);

/// Whether it answers, and what it has. Without `needed` an engine that does not answer is a note.
/// `agent` is the program that is mounted into containers; empty: not found.
[[nodiscard]] std::vector<finding> check_docker(bool needed, const std::string& agent);

} // namespace sandfleet::cli
