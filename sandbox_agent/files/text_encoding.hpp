#pragma once

#include <sandfleet/error.hpp>

#include <string>
#include <string_view>

namespace sandfleet::agent::files {

/// How a text lies in its file. What is neither UTF-8 nor marked as UTF-16 is taken for
/// Windows-1252 (a superset of Latin-1's letters): each byte has a character of its own there, so
/// that what an edit leaves alone stays as it was, whatever it really is.
enum class text_encoding { utf8, utf8_marked, utf16_little, utf16_big, windows_1252 };

[[nodiscard]] text_encoding encoding_of(std::string_view bytes);

/// As UTF-8, without the byte order mark. Fails with the decoder's words for UTF-16 that is none.
[[nodiscard]] result<std::string> decode_text(std::string_view bytes, text_encoding from);

/// With the byte order mark. Fails when the encoding lacks a character of the text.
[[nodiscard]] result<std::string> encode_text(std::string_view text, text_encoding into);

} // namespace sandfleet::agent::files
