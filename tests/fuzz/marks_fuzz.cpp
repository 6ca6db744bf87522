#include "sandbox_agent/bash/marks.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

#include <string>
#include <vector>

namespace {

using namespace sandfleet::agent;

/// Output as it came, and where in it the marks stood.
struct recorder final : mark_sink {
  void on_output(std::string_view bytes) override { output += bytes; }
  void on_mark(const mark& seen) override {
    marks.push_back(seen);
    positions.push_back(output.size());
  }

  std::string output;
  std::vector<mark> marks;
  std::vector<std::size_t> positions;
};

recorder split(const std::vector<std::string_view>& pieces, std::string_view nonce) {
  recorder seen;
  mark_splitter splitter(nonce);
  for (const auto piece : pieces)
    splitter.feed(piece, seen);
  return seen;
}

/// The same by search over the whole, for inputs far below the limit of a mark's length.
recorder searched(std::string_view bytes, const std::string& prefix) {
  recorder seen;
  for (;;) {
    const auto begin = bytes.find(prefix);
    if (begin == std::string_view::npos)
      break;
    auto end = begin + prefix.size();
    while (end < bytes.size() && static_cast<unsigned char>(bytes[end]) >= 0x20)
      ++end;
    if (end == bytes.size()) {
      seen.output += bytes.substr(0, begin); // the rest may yet become a mark
      return seen;
    }
    const auto found =
        bytes[end] == '\a'
            ? parse_mark(bytes.substr(begin + prefix.size(), end - begin - prefix.size()))
            : std::nullopt;
    seen.output += bytes.substr(0, found ? begin : end);
    if (found)
      seen.on_mark(*found);
    bytes.remove_prefix(found ? end + 1 : end);
  }
  // A part of a prefix at the end is held back too.
  auto held = std::min(bytes.size(), prefix.size() - 1);
  while (held > 0 && bytes.substr(bytes.size() - held) != std::string_view(prefix).substr(0, held))
    --held;
  seen.output += bytes.substr(0, bytes.size() - held);
  return seen;
}

} // namespace

/// Any pieces of the same bytes give the same output and marks; every byte is in one of them; and
/// without the nonce there is no mark.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  const auto seed = in.byte();
  const auto bytes = in.rest();
  const auto whole = split({bytes}, "n0nce");
  const auto pieces = split(pieces_of(bytes, seed), "n0nce");
  const auto naive = searched(bytes, "\x1b]6973;n0nce;");
  for (const auto* other : {&pieces, &naive})
    holds(whole.output == other->output && whole.marks == other->marks &&
          whole.positions == other->positions);

  const std::string_view unknown = "0123456789abcdef0123456789abcdef";
  const auto forged = split({bytes}, unknown);
  holds(forged.marks.empty() || bytes.find(unknown) != std::string_view::npos);
  holds(!forged.marks.empty() || bytes.starts_with(forged.output));
  return 0;
}
