#pragma once

#include "tools/batch/line_reader.hpp"
#include "tools/batch/task.hpp"
#include "tools/batch/task_parser.hpp"

#include <sandfleet/error.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>

namespace sandfleet::batch {

inline constexpr std::size_t longest_task_line = 64U << 20;

/// A line of a task file that is no task.
struct bad_line {
  std::uint64_t number = 0;
  error what; ///< `invalid_argument`, class `task`; its message begins with FILE:LINE
};

/// What a whole task file holds.
struct task_census {
  std::unordered_set<std::string> ids;
  std::unordered_set<std::uint64_t> bad_lines;
  bool uses_default_image = false; ///< some task names no image
};

/// A task file, read as often as wanted, one line at a time.
class task_file {
 public:
  /// Opens `path`; what is no regular file (a pipe) is first copied to a file without a name, since
  /// it can be read only once. Errors: `not_found`, `permission_denied`, `io_error`.
  static result<task_file> open(const std::string& path);

  task_file(task_file&& other) noexcept;
  task_file& operator=(task_file&& other) noexcept;
  ~task_file();

  /// Reads everything from the beginning; each line that is no task, and each whose id an earlier
  /// one has, is given to `report`.
  result<task_census> examine(const std::function<void(const bad_line&)>& report);

  /// From now on `next` gives the tasks from the first one, but for those lines.
  result<void> rewind(std::unordered_set<std::uint64_t> skipped_lines);

  struct item {
    std::uint64_t number = 0;
    result<task> read;
  };

  /// The next line that is not blank, or nothing at the end. Errors: `io_error`.
  result<std::optional<item>> next();

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Where relative host paths of tasks begin.
  [[nodiscard]] std::string directory() const;

 private:
  task_file(std::string path, int descriptor);

  std::string path_;
  int descriptor_ = -1;
  std::unique_ptr<line_reader> lines_;
  std::unique_ptr<task_parser> parser_;
  std::unordered_set<std::uint64_t> skipped_;
};

} // namespace sandfleet::batch
