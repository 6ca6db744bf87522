#include "tools/batch/line_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace sandfleet::batch {
namespace {

constexpr std::size_t chunk = 256U << 10;
constexpr std::size_t padding = 64; // simdjson::SIMDJSON_PADDING is 64 in 3.6 and less before

} // namespace

line_reader::line_reader(int descriptor, std::size_t max_line)
    : descriptor_(descriptor), max_line_(max_line) {}

// Appends at most one chunk; false at the end of the file.
result<bool> line_reader::fill() {
  if (at_end_)
    return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // What one huge line needed is given back once it is gone.
  if (buffer_.size() > 4 * chunk && end_ < chunk) {
    buffer_.resize(2 * chunk + padding);
    buffer_.shrink_to_fit();
  }
  if (buffer_.size() < end_ + chunk + padding)
    buffer_.resize(std::max(end_ + chunk + padding, std::min(end_ * 2, max_line_) + padding));
  for (;;) {
    const auto count = ::read(descriptor_, buffer_.data() + end_, chunk);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail(errno_error(errc::io_error, "cannot read", errno));
    end_ += static_cast<std::size_t>(count);
    at_end_ = count == 0;
    return count > 0;
  }
}

result<std::optional<text_line>> line_reader::next() {
  text_line line;
  line.number = number_ + 1;
  line.offset = offset_;
  std::size_t searched = 0;
  for (;;) {
    const auto* start = buffer_.data() + begin_;
    const auto held = end_ - begin_;
    const auto* found =
        held > searched
            ? static_cast<const char*>(std::memchr(start + searched, '\n', held - searched))
            : nullptr;
    const auto length = found != nullptr ? static_cast<std::size_t>(found - start) : held;
    if (length > max_line_)
      line.too_long = true;
    if (found != nullptr) {
      line.terminated = true;
      offset_ += length + 1;
      begin_ += length + 1;
      line.text = std::string_view(start, line.too_long ? 0 : length);
      break;
    }
    searched = held;
    if (line.too_long) { // forget what was read of it, and look on for its end
      offset_ += held;
      begin_ = end_;
      searched = 0;
    }
    auto more = fill();
    if (!more)
      return tl::unexpected(std::move(more.error()));
    if (!*more) {
      const auto rest = end_ - begin_;
      if (rest == 0 && !line.too_long)
        return std::nullopt;
      line.text = std::string_view(buffer_.data() + begin_, line.too_long ? 0 : rest);
      offset_ += rest;
      begin_ = end_;
      break;
    }
  }
  // The buffer always ends with that many bytes that no line uses.
  line.padding = padding;
  number_ = line.number;
  return line;
}

} // namespace sandfleet::batch
