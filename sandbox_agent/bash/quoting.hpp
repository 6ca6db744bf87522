#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Shell quoting as pure functions over bytes.
namespace sandfleet::agent {

/// One byte of the inside of bash's $'...': printable ASCII and bytes from 0x80 on as they are,
/// all others as escapes. NUL, which no shell text can hold, becomes nothing.
void append_ansi_c(std::string& out, char byte);

/// `text` as one word of bash, on one line: $'...'.
[[nodiscard]] std::string quote_ansi_c(std::string_view text);

/// Reads what bash's ${var@Q} wrote: a sequence of '...', $'...', \c and plain characters that
/// ends before the first of `stops` outside of quotes, or with the text. Returns the value and
/// sets `used` to the number of bytes read; nothing when a quote is not closed.
[[nodiscard]] std::optional<std::string> unquote_word(std::string_view text, std::string_view stops,
                                                      std::size_t& used);

} // namespace sandfleet::agent
