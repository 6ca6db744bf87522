#pragma once

#include "tools/batch/sandbox_source.hpp"
#include "tools/batch/task.hpp"
#include "tools/batch/task_result.hpp"
#include "tools/batch/timekeeper.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

// What the runner does in a sandbox, one step a function. What a command did is a record; an error
// says that the step could not be done.
namespace sandfleet::batch {

inline constexpr std::size_t largest_collected_file = 64U << 20;
inline constexpr std::size_t largest_collection = 128U << 20;
inline constexpr std::size_t most_collected_files = 10'000;

/// `directory`: where relative host paths begin. `blame`: whose fault it is when the sandbox
/// does not take a file, unless it is the infrastructure's.
boost::asio::awaitable<result<void>> write_files(task_sandbox& box, const file_map& files,
                                                 const std::string& directory, failure_class blame);

/// How a list of commands runs in the sandbox's bash session.
struct command_plan {
  std::chrono::milliseconds timeout = default_task_timeout; ///< for all together
  std::optional<std::chrono::milliseconds> command_timeout; ///< for each
  std::string stdin_path;
  bool continue_on_error = false;
};

/// Appends to `records` as commands end. A command for which no time is left is recorded as timed
/// out and not run; it is the last.
boost::asio::awaitable<result<void>> run_commands(task_sandbox& box, timekeeper& time,
                                                  const std::vector<std::string>& commands,
                                                  const command_plan& plan,
                                                  std::vector<command_record>& records);

/// Kills the task's processes, writes the grader's files, and runs its commands until one fails.
boost::asio::awaitable<result<void>> run_verify(task_sandbox& box, timekeeper& time,
                                                const verify_plan& plan,
                                                const std::string& directory,
                                                std::vector<command_record>& records);

/// Reads what the patterns match. Files that cannot be read are entries of `found`; an error is a
/// failure of the infrastructure.
boost::asio::awaitable<result<void>>
collect_files(task_sandbox& box, const std::vector<std::string>& patterns, collection& found);

} // namespace sandfleet::batch
