#include "sandbox_agent/files/text_encoding.hpp"

#include "runtime/protocol/utf8.hpp"
#include "sandbox_agent/bash/row.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace sandfleet::agent::files {

namespace {

constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";
constexpr std::string_view little_mark = "\xFF\xFE";
constexpr std::string_view big_mark = "\xFE\xFF";

/// The characters of the bytes 0x80 to 0x9F; the five that have none keep their number.
constexpr std::array<char16_t, 32> windows_1252{
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

/// Takes the first code point off a well-formed text.
char32_t take_code(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i)
    code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
  text.remove_prefix(length);
  return code;
}

tl::unexpected<error> cannot_decode(std::string_view codec, std::string_view why) {
  return fail(errc::invalid_argument,
              "'" + std::string(codec) + "' codec can't decode the file: " + std::string(why));
}

result<std::string> decode_utf16(std::string_view bytes, bool little) {
  const std::string_view codec = little ? "utf-16-le" : "utf-16-be";
  if (bytes.size() % 2 != 0)
    return cannot_decode(codec, "truncated data");
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const auto unit_at = [&](std::size_t at) -> char32_t {
      const auto first = static_cast<unsigned char>(bytes[at]);
      const auto second = static_cast<unsigned char>(bytes[at + 1]);
      return little ? second << 8U | first : first << 8U | second;
    };
    auto code = unit_at(i);
    if (code >= 0xD800 && code < 0xE000) {
      const auto low = i + 3 < bytes.size() ? unit_at(i + 2) : 0;
      if (code >= 0xDC00 || low < 0xDC00 || low >= 0xE000)
        return cannot_decode(codec, "illegal UTF-16 surrogate");
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
      i += 2;
    }
    append_utf8(text, code);
  }
  return text;
}

/// `text` is well-formed.
std::string encode_utf16(std::string_view text, bool little) {
  std::string bytes(little ? little_mark : big_mark);
  const auto append = [&](char32_t unit) {
    const auto high = static_cast<char>(unit >> 8U);
    const auto low = static_cast<char>(unit & 0xFFU);
    bytes += little ? low : high;
    bytes += little ? high : low;
  };
  while (!text.empty()) {
    auto code = take_code(text);
    if (code >= 0x10000) {
      code -= 0x10000;
      append(0xD800 + (code >> 10U));
      code = 0xDC00 + (code & 0x3FFU);
    }
    append(code);
  }
  return bytes;
}

std::string decode_windows_1252(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    append_utf8(text, byte >= 0x80 && byte < 0xA0 ? windows_1252[byte - 0x80U] : byte);
  }
  return text;
}

/// `text` is well-formed.
result<std::string> encode_windows_1252(std::string_view text) {
  std::string bytes;
  for (std::size_t position = 0; !text.empty(); ++position) {
    const auto code = take_code(text);
    const auto* found = std::ranges::find(windows_1252, code);
    if (found != windows_1252.end()) {
      bytes += static_cast<char>(0x80 + (found - windows_1252.begin()));
    } else if (code < 0x80 || (code >= 0xA0 && code < 0x100)) {
      bytes += static_cast<char>(code);
    } else {
      std::array<char, 16> shown{};
      std::snprintf(shown.data(), shown.size(), code < 0x10000 ? "\\u%04x" : "\\U%08x",
                    static_cast<unsigned>(code));
      return fail(errc::invalid_argument,
                  "'cp1252' codec can't encode character '" + std::string(shown.data()) +
                      "' in position " + std::to_string(position) + ": the file is not in UTF-8");
    }
  }
  return bytes;
}

} // namespace

text_encoding encoding_of(std::string_view bytes) {
  if (bytes.starts_with(utf8_mark) && protocol::is_utf8(bytes))
    return text_encoding::utf8_marked;
  if (bytes.starts_with(little_mark))
    return text_encoding::utf16_little;
  if (bytes.starts_with(big_mark))
    return text_encoding::utf16_big;
  return protocol::is_utf8(bytes) ? text_encoding::utf8 : text_encoding::windows_1252;
}

result<std::string> decode_text(std::string_view bytes, text_encoding from) {
  switch (from) {
  case text_encoding::utf8_marked:
    return std::string(bytes.substr(utf8_mark.size()));
  case text_encoding::utf16_little:
    return decode_utf16(bytes.substr(little_mark.size()), true);
  case text_encoding::utf16_big:
    return decode_utf16(bytes.substr(big_mark.size()), false);
  case text_encoding::windows_1252:
    return decode_windows_1252(bytes);
  case text_encoding::utf8:
    break;
  }
  return std::string(bytes);
}

result<std::string> encode_text(std::string_view text, text_encoding into) {
  switch (into) {
  case text_encoding::utf8_marked:
    return std::string(utf8_mark).append(text);
  case text_encoding::utf16_little:
    return encode_utf16(protocol::to_utf8(text), true);
  case text_encoding::utf16_big:
    return encode_utf16(protocol::to_utf8(text), false);
  case text_encoding::windows_1252:
    return encode_windows_1252(protocol::to_utf8(text));
  case text_encoding::utf8:
    break;
  }
  return std::string(text);
}

} // namespace sandfleet::agent::files
