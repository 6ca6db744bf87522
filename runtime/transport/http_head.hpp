#pragma once

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

} // namespace sandfleet::transport
