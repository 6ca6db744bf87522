#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::core {

/// Without blanks, tabs and line ends at both ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// The parts between separators; an empty text has one empty part.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

[[nodiscard]] std::string join(std::span<const std::string_view> parts, std::string_view between);

/// ASCII only, whatever the locale.
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);

/// The whole text as a decimal number, or nothing. No blanks, no '+'; doubles are finite.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;
[[nodiscard]] std::optional<double> parse_number(std::string_view text) noexcept;

/// The shortest decimal text that reads back as the same number.
[[nodiscard]] std::string number_text(double number);

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that a reader who typed `word` most likely meant; nothing when none is near.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

/// `text` as one word of any POSIX shell: '...'. Newlines stay newlines, NUL is left out.
[[nodiscard]] std::string quote_posix(std::string_view text);

} // namespace sandfleet::core
