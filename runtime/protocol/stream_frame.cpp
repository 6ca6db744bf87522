#include "runtime/protocol/stream_frame.hpp"

#include <algorithm>

namespace sandfleet::protocol {

std::array<char, frame_header_bytes> frame_header(frame_type type, std::uint32_t length) noexcept {
  return {static_cast<char>(type),
          0,
          0,
          0,
          static_cast<char>(length >> 24U),
          static_cast<char>(length >> 16U),
          static_cast<char>(length >> 8U),
          static_cast<char>(length)};
}

void append_frame(std::string& out, frame_type type, std::string_view payload) {
  const auto header = frame_header(type, static_cast<std::uint32_t>(payload.size()));
  out.append(header.data(), header.size());
  out.append(payload);
}

result<std::uint32_t> frame_decoder::read_header(std::string_view header) const {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(header[i]); };
  const std::uint32_t length = static_cast<std::uint32_t>(byte(4)) << 24U |
                               static_cast<std::uint32_t>(byte(5)) << 16U |
                               static_cast<std::uint32_t>(byte(6)) << 8U | byte(7);
  if (byte(0) < 1 || byte(0) > 3)
    return fail(make_error(errc::protocol_error, "stream: a frame of unknown type")
                    .with("type", std::int64_t{byte(0)}));
  if (length > max_payload_)
    return fail(make_error(errc::limit_exceeded, "stream: a frame is too long")
                    .with("length", std::int64_t{length})
                    .with("max_length", static_cast<std::int64_t>(max_payload_)));
  return length;
}

result<void> frame_decoder::feed(std::string_view bytes, const sink& deliver) {
  while (!bytes.empty()) {
    if (ended_)
      return fail(errc::protocol_error, "stream: bytes after the last frame");
    if (held_.size() < frame_header_bytes) {
      const auto wanted = std::min(frame_header_bytes - held_.size(), bytes.size());
      held_.append(bytes.substr(0, wanted));
      bytes.remove_prefix(wanted);
      if (held_.size() < frame_header_bytes)
        return {};
    }
    const auto length = read_header(held_);
    if (!length)
      return tl::unexpected(length.error());
    const auto missing = frame_header_bytes + *length - held_.size();
    if (bytes.size() < missing) {
      held_.append(bytes);
      return {};
    }
    const auto type = static_cast<frame_type>(held_[0]);
    ended_ = type == frame_type::end;
    if (held_.size() == frame_header_bytes) { // whole in the input: no copy
      deliver(type, bytes.substr(0, *length));
    } else {
      held_.append(bytes.substr(0, missing));
      deliver(type, std::string_view(held_).substr(frame_header_bytes));
    }
    bytes.remove_prefix(missing);
    held_.clear();
  }
  return {};
}

} // namespace sandfleet::protocol
