#pragma once

#include <sandfleet/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

/// Frames of a streamed `/exec`: Docker's multiplexed stream (type, 0, 0, 0, length big endian).
namespace sandfleet::protocol {

enum class frame_type : std::uint8_t {
  standard_output = 1,
  standard_error = 2,
  end = 3, ///< the JSON of how it ended; last
};

inline constexpr std::size_t frame_header_bytes = 8;

[[nodiscard]] std::array<char, frame_header_bytes> frame_header(frame_type type,
                                                                std::uint32_t length) noexcept;
void append_frame(std::string& out, frame_type type, std::string_view payload);

/// Reads frames out of bytes that arrive in any pieces.
class frame_decoder {
 public:
  using sink = std::function<void(frame_type, std::string_view)>;

  explicit frame_decoder(std::size_t max_payload = std::size_t{1} << 20)
      : max_payload_(max_payload) {}

  /// Hands each frame that is complete to `deliver`, whose text lives as long as the call.
  /// Errors, after which the decoder is of no more use: `protocol_error` for an unknown type or
  /// bytes after the end frame, `limit_exceeded` for a longer payload.
  result<void> feed(std::string_view bytes, const sink& deliver);

  /// True once the end frame was delivered.
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  result<std::uint32_t> read_header(std::string_view header) const;

  std::size_t max_payload_;
  std::string held_; ///< the beginning of a frame
  bool ended_ = false;
};

} // namespace sandfleet::protocol
