#pragma once

#include <spawn.h>
#include <string>
#include <vector>

namespace sandfleet::agent {

/// What posix_spawn does in the child: a session and default signals of its own, and the file
/// actions that are added.
struct spawn_plan {
  spawn_plan();
  ~spawn_plan();
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

/// A list as exec wants it, which lives as long as `texts`.
[[nodiscard]] std::vector<char*> exec_list(const std::vector<std::string>& texts);

} // namespace sandfleet::agent
