#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace sandfleet::core {

/// Makes lines of bytes that arrive in any pieces, in bounded memory. A line that is too long is
/// dropped whole: its end is not taken for a line of its own.
class line_splitter {
 public:
  /// `longest` is in bytes, the line end not counted.
  explicit line_splitter(std::size_t longest) : longest_(longest) {}

  /// Hands each line that is complete to `on_line`, without its line end.
  void feed(std::string_view bytes, const std::function<void(std::string_view line)>& on_line);

  /// Whether a line was too long, so far.
  [[nodiscard]] bool dropped() const noexcept { return dropped_; }

 private:
  std::size_t longest_;
  std::string begun_;
  bool dropping_ = false; ///< the line that has begun is too long
  bool dropped_ = false;
};

} // namespace sandfleet::core
