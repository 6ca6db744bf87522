#pragma once

#include <string>
#include <string_view>

namespace sandfleet::protocol {

[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;

/// `bytes` with U+FFFD in the place of each maximal part of an ill-formed sequence (the Unicode
/// standard, 3.9, "U+FFFD Substitution of Maximal Subparts"; what Python's `errors="replace"`
/// does).
[[nodiscard]] std::string to_utf8(std::string_view bytes);

/// How many bytes at the end of `bytes` begin a character that is not complete, 0 to 3.
[[nodiscard]] std::size_t incomplete_tail(std::string_view bytes) noexcept;

/// The number of code points of a well-formed text.
[[nodiscard]] std::size_t count_code_points(std::string_view text) noexcept;

/// The offset in bytes of code point number `index`, or the text's size when it has not so many.
[[nodiscard]] std::size_t code_point_offset(std::string_view text, std::size_t index) noexcept;

} // namespace sandfleet::protocol
