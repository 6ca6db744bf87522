#include "runtime/protocol/utf8.hpp"
#include "sandbox_agent/bash/terminal.hpp"
#include "tests/fuzz/holds.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace {

using namespace sandfleet::agent;

constexpr text_limits limits{.lines = 3000, .bytes = 64 * 1024};

std::string text_of(const terminal& screen) {
  bool dropped = false;
  return screen.text(dropped);
}

void write_in_pieces(terminal& screen, std::string_view bytes, std::size_t piece) {
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    screen.write(bytes.substr(at, piece));
}

bool is_readable(std::string_view text) {
  return sandfleet::protocol::is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
         });
}

} // namespace

/// Whatever comes, in whatever pieces: the text is the same, readable and within its limits, and
/// once cleared the terminal is like a new one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  terminal whole;
  whole.limit(limits);
  whole.write(bytes);
  const auto text = text_of(whole);
  holds(text.size() <= limits.bytes);
  holds(is_readable(text));
  holds(whole.take_reply().size() <= 4096);

  terminal split;
  split.limit(limits);
  write_in_pieces(split, bytes, piece);
  holds(text_of(split) == text);

  split.clear();
  holds(split.untouched() && text_of(split).empty());
  write_in_pieces(split, bytes, 1);
  holds(text_of(split) == text);
  return 0;
}
