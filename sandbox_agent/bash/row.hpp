#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace sandfleet::agent {

void append_utf8(std::string& out, char32_t code);

/// One row of a terminal. Only what was written is stored. ASCII takes a byte a column, until some
/// cell holds another character; then four.
class row {
 public:
  /// Writes printable ASCII from `column` on; what lies before it and was never written is blank.
  void write_ascii(std::size_t column, std::string_view text);

  /// Combining code points that are kept of one character.
  static constexpr std::size_t most_marks = 32;

  /// Writes one character of `width` columns: its first code point and any combining ones, ended
  /// by 0.
  void write_glyph(std::size_t column, const std::uint32_t* code_points, int width);

  void erase(std::size_t from, std::size_t to);
  void copy(std::size_t to, const row& source, std::size_t from, std::size_t count);

  /// UTF-8, up to the last column written.
  void append_to(std::string& out) const;

  [[nodiscard]] std::size_t length() const { return wide_.empty() ? narrow_.size() : wide_.size(); }

  /// The character at `column` with its combining ones, UTF-8.
  [[nodiscard]] std::string at(std::size_t column) const;

  /// Whether the line above was too long and goes on here.
  bool continues = false;

 private:
  void widen();
  void split(std::size_t column);
  void drop_combining(std::size_t from, std::size_t to);

  std::string narrow_;
  std::u32string wide_; ///< 0 is the right half of a character of two columns
  std::map<std::size_t, std::u32string> combining_;
};

} // namespace sandfleet::agent
