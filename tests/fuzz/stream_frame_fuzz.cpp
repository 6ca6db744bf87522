#include "runtime/protocol/stream_frame.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sandfleet::protocol;

struct decoded {
  std::string frames; ///< encoded again
  bool failed = false;
  bool ended = false;

  friend bool operator==(const decoded&, const decoded&) = default;
};

decoded decode(const std::vector<std::string_view>& pieces) {
  constexpr std::size_t longest = 1 << 12;
  decoded seen;
  frame_decoder decoder(longest);
  for (const auto piece : pieces) {
    seen.failed = !decoder.feed(piece, [&](frame_type type, std::string_view payload) {
      holds(!seen.ended && payload.size() <= longest);
      seen.ended = type == frame_type::end;
      append_frame(seen.frames, type, payload);
    });
    if (seen.failed)
      break;
  }
  return seen;
}

} // namespace

/// Any pieces of the same bytes give the same frames, or the same failure; nothing comes after the
/// last frame; what was read is what was written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  const auto seed = in.byte();
  const auto bytes = in.rest();
  const auto whole = decode({bytes});
  holds(decode(pieces_of(bytes, seed)) == whole);
  // The bytes that fill a header up are not looked at, and written as 0.
  holds(whole.frames.size() <= bytes.size() && decode({whole.frames}).frames == whole.frames);
  return 0;
}
