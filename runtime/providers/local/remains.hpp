#pragma once

#include "runtime/providers/registry.hpp"

#include <sandfleet/listing.hpp>
#include <sandfleet/usage.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sandfleet::providers::local {

/// What is left of one sandbox whose launcher no longer looks after it.
struct remains {
  sandbox_id id;
  std::string dir;
  bool may_have_strays = false; ///< isolation 'none': its processes are found by a mark alone
  pid_t launcher = 0;           ///< 0: none, or of another boot
  std::uint64_t launcher_start = 0;
  bool is_of_this_boot = true;
};

/// What came of removing it.
struct removal {
  removed_sandbox what;
  std::optional<error> failure; ///< something is left
  resource_usage usage;         ///< as its control groups had counted it
};

/// Whether its processes are paused.
[[nodiscard]] bool is_frozen(const remains& of);

/// What there is to remove of it.
[[nodiscard]] removed_sandbox look_at(const remains& left);

/// Kills their processes (numbers are verified by start time and held by pidfd, so that no other
/// process is hit) and removes control groups and directories. All are killed before any is waited
/// for. Blocks for at most about `patience` plus the time that removal takes. Answers by position.
[[nodiscard]] std::vector<removal> remove_remains(std::span<const remains> left,
                                                  const std::string& launcher_program,
                                                  std::chrono::milliseconds patience);

} // namespace sandfleet::providers::local
