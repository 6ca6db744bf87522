#pragma once

#include <sandfleet/spec.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sandfleet::batch {

/// Bytes that a task puts into its sandbox.
struct file_source {
  struct host_path {
    std::string path; ///< relative ones are below the task file's directory
    friend bool operator==(const host_path&, const host_path&) = default;
  };
  std::variant<std::string, host_path> content; ///< a string holds the bytes themselves
  std::optional<std::uint32_t> mode;            ///< permission bits

  friend bool operator==(const file_source&, const file_source&) = default;
};

using file_map = std::map<std::string, file_source>; ///< path in the sandbox → content

inline constexpr std::chrono::milliseconds default_task_timeout{120'000};

/// Grading that the task cannot touch.
struct verify_plan {
  file_map files;
  std::vector<std::string> commands; ///< not empty
  std::map<std::string, std::string> env;
  std::chrono::milliseconds timeout = default_task_timeout; ///< for all commands together

  friend bool operator==(const verify_plan&, const verify_plan&) = default;
};

/// What the last command must have done. Everything that is set must hold.
struct expectation {
  std::optional<int> exit_code;
  std::optional<std::string> output_contains;
  std::optional<std::string>
      output_regex; ///< known to compile; see output_regex.hpp for the dialect

  friend bool operator==(const expectation&, const expectation&) = default;
};

/// One line of a task file, with every value checked.
struct task {
  std::string id;
  std::optional<std::string> image;
  std::optional<std::string> provider;
  file_map files;
  std::map<std::string, std::string> env;
  std::vector<std::string> setup;
  std::vector<std::string> commands; ///< not empty
  bool continue_on_error = false;
  std::chrono::milliseconds timeout = default_task_timeout; ///< for `commands` together
  std::optional<std::chrono::milliseconds> command_timeout; ///< for each of them
  std::optional<std::string> stdin_text;
  std::optional<verify_plan> verify;
  std::vector<std::string> collect;
  resource_limits resources;
  std::optional<std::string> network;
  std::optional<expectation> expect;
  unsigned retries = 2;

  friend bool operator==(const task&, const task&) = default;
};

} // namespace sandfleet::batch
