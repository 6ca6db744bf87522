#pragma once

#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace sandfleet::transport {

/// A header's value comes from anywhere; it must not end its line.
inline void append_header(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (const char c : value)
    head += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '_' : c;
  head += "\r\n";
}

/// The line before a chunk of a body (RFC 9112, 7.1), which lies in `room`.
inline std::string_view chunk_head(std::array<char, 20>& room, std::size_t size) {
  auto* end = std::to_chars(room.data(), room.data() + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return {room.data(), static_cast<std::size_t>(end - room.data())};
}

} // namespace sandfleet::transport
