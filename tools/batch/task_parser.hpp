#pragma once

#include "tools/batch/task.hpp"

#include <sandfleet/error.hpp>

#include <memory>
#include <string_view>

namespace sandfleet::batch {

/// Reads the JSON object of one line of a task file and checks every key and value.
class task_parser {
 public:
  task_parser();
  ~task_parser();
  task_parser(const task_parser&) = delete;
  task_parser& operator=(const task_parser&) = delete;

  /// `padding` bytes behind `line` are readable; when they are too few the line is copied.
  /// Errors: `invalid_argument`, class `task`; the message names key and expectation.
  result<task> parse(std::string_view line, std::size_t padding = 0);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet::batch
