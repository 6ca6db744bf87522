#include "runtime/protocol/stream_frame.hpp"

#include <cstdint>
#include <cstdlib>

/// Any split of the same bytes must give the same frames, or the same failure.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sandfleet::protocol;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto frames_of = [&](std::size_t piece, bool& failed) {
    std::string seen;
    frame_decoder decoder(1 << 12);
    for (std::size_t at = 0; at < bytes.size() && !failed; at += piece)
      failed = !decoder.feed(bytes.substr(at, piece), [&](frame_type type, std::string_view text) {
        append_frame(seen, type, text);
      });
    return seen;
  };
  bool whole_failed = false;
  bool split_failed = false;
  const auto whole = frames_of(bytes.size() + 1, whole_failed);
  const auto split = frames_of(1, split_failed);
  if (whole_failed != split_failed || whole != split)
    std::abort();
  return 0;
}
