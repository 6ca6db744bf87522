#include "sandbox_agent/bash/character_reader.hpp"

#include "runtime/protocol/utf8.hpp"

namespace sandfleet::agent {

namespace {

/// How many bytes at the end of `bytes` begin a character that is not complete.
std::size_t incomplete_tail(std::string_view bytes) {
  for (std::size_t length = 1; length <= 3 && length <= bytes.size(); ++length) {
    const auto code = static_cast<unsigned char>(bytes[bytes.size() - length]);
    if ((code & 0xC0U) == 0x80U)
      continue;
    const std::size_t wanted = code >= 0xF0 ? 4 : code >= 0xE0 ? 3 : 2;
    return code >= 0xC0 && code < 0xF8 && length < wanted ? length : 0;
  }
  return 0;
}

void replace_controls(std::string& well_formed) {
  for (auto at = well_formed.find('\xc2'); at != std::string::npos;
       at = well_formed.find('\xc2', at + 1)) {
    if (static_cast<unsigned char>(well_formed[at + 1]) < 0xa0)
      well_formed.replace(at, 2, "\xef\xbf\xbd");
  }
}

} // namespace

std::string character_reader::read(std::string_view run, bool ends) {
  auto whole = std::exchange(partial_, {});
  whole += run;
  if (!ends) {
    const auto tail = incomplete_tail(whole);
    partial_ = whole.substr(whole.size() - tail);
    whole.erase(whole.size() - tail);
  }
  auto text = protocol::to_utf8(whole);
  replace_controls(text);
  return text;
}

} // namespace sandfleet::agent
