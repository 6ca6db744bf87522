#include "runtime/protocol/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace sandfleet::protocol {

namespace {

struct sequence {
  std::size_t length; ///< bytes of a well-formed sequence, or of the maximal ill-formed part
  bool well_formed;
};

/// Table 3-7 of the Unicode standard: after the lead byte only the second byte's range varies.
sequence read_sequence(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  const std::uint8_t lead = at(0);
  if (lead < 0x80)
    return {1, true};
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  std::size_t length = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0)
      low = 0xA0;
    else if (lead == 0xED)
      high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0)
      low = 0x90;
    else if (lead == 0xF4)
      high = 0x8F;
  } else {
    return {1, false};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= bytes.size() || at(i) < low || at(i) > high)
      return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

/// The length of the leading part that holds ASCII alone; most texts are nothing else.
std::size_t ascii_prefix(std::string_view bytes) {
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes.data() + i, 8);
    if ((eight & 0x8080808080808080ULL) != 0)
      break;
  }
  while (i < bytes.size() && static_cast<std::uint8_t>(bytes[i]) < 0x80)
    ++i;
  return i;
}

} // namespace

bool is_utf8(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    bytes.remove_prefix(ascii_prefix(bytes));
    if (bytes.empty())
      break;
    const auto next = read_sequence(bytes);
    if (!next.well_formed)
      return false;
    bytes.remove_prefix(next.length);
  }
  return true;
}

std::string to_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto plain = ascii_prefix(bytes);
    text.append(bytes.substr(0, plain));
    bytes.remove_prefix(plain);
    if (bytes.empty())
      break;
    const auto next = read_sequence(bytes);
    text.append(next.well_formed ? bytes.substr(0, next.length) : "\xEF\xBF\xBD");
    bytes.remove_prefix(next.length);
  }
  return text;
}

std::size_t incomplete_tail(std::string_view bytes) noexcept {
  for (std::size_t length = 1; length <= 3 && length <= bytes.size(); ++length) {
    const auto code = static_cast<unsigned char>(bytes[bytes.size() - length]);
    if ((code & 0xC0U) == 0x80U)
      continue;
    const std::size_t wanted = code >= 0xF0 ? 4 : code >= 0xE0 ? 3 : 2;
    return code >= 0xC0 && code < 0xF8 && length < wanted ? length : 0;
  }
  return 0;
}

std::size_t count_code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char c : text)
    count += (static_cast<std::uint8_t>(c) & 0xC0U) != 0x80 ? 1 : 0;
  return count;
}

std::size_t code_point_offset(std::string_view text, std::size_t index) noexcept {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<std::uint8_t>(text[i]) & 0xC0U) == 0x80)
      continue;
    if (seen++ == index)
      return i;
  }
  return text.size();
}

} // namespace sandfleet::protocol
