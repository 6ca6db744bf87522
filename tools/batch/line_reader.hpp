#pragma once

#include <sandfleet/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandfleet::batch {

/// One line of a file.
struct text_line {
  std::uint64_t number = 0; ///< from 1
  std::uint64_t offset = 0; ///< of its first byte in the file
  std::string_view text;    ///< without its line feed; valid until the next call
  std::size_t padding = 0;  ///< readable bytes behind `text`
  bool too_long = false;    ///< then `text` is empty: the line was skipped
  bool terminated = false;  ///< a line feed stands behind it
};

/// Reads the lines of a descriptor of any size in memory bounded by one line.
class line_reader {
 public:
  /// Reads from the descriptor's present offset; does not own it. `max_line` is in bytes; that
  /// many behind each line are readable as simdjson's padding needs it.
  line_reader(int descriptor, std::size_t max_line);

  /// The next line, or nothing at the end. Errors: `io_error`.
  result<std::optional<text_line>> next();

 private:
  result<bool> fill();

  int descriptor_;
  std::size_t max_line_;
  std::string buffer_;
  std::size_t begin_ = 0; ///< of what was not handed out yet
  std::size_t end_ = 0;   ///< of what was read
  std::uint64_t offset_ = 0;
  std::uint64_t number_ = 0;
  bool at_end_ = false;
};

} // namespace sandfleet::batch
