#include "sandbox_agent/bash/character_reader.hpp"

#include "runtime/protocol/utf8.hpp"

namespace sandfleet::agent {

namespace {

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
    const auto tail = protocol::incomplete_tail(whole);
    partial_ = whole.substr(whole.size() - tail);
    whole.erase(whole.size() - tail);
  }
  auto text = protocol::to_utf8(whole);
  replace_controls(text);
  return text;
}

} // namespace sandfleet::agent
