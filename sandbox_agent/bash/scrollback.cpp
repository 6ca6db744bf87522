#include "sandbox_agent/bash/scrollback.hpp"

#include <algorithm>

namespace sandfleet::agent {

bool cut_front(std::string& text, const text_limits& limits) {
  std::size_t start = 0;
  if (text.size() > limits.bytes) {
    start = text.size() - limits.bytes;
    while (start < text.size() && (static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U)
      ++start;
  }
  // A newline at the very end closes the last line and does not begin another.
  std::size_t lines = 0;
  for (auto at = text.size(); at > start; --at) {
    if (text[at - 1] == '\n' && at != text.size() && ++lines == limits.lines) {
      start = at;
      break;
    }
  }
  text.erase(0, start);
  return start != 0;
}

void scrollback::push(const row& gone) {
  if (rows_++ != 0 && !gone.continues) {
    text_ += '\n';
    ++lines_;
  }
  gone.append_to(text_);
  constexpr std::size_t slack = 64 * 1024;
  const bool too_long = text_.size() > slack && (text_.size() - slack) / 2 > limits_.bytes;
  const bool too_many = lines_ / 2 > limits_.lines;
  if (too_long || too_many) {
    dropped_ |= cut_front(text_, limits_);
    lines_ = static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n'));
  }
}

void scrollback::clear() {
  constexpr std::size_t worth_keeping = 64 * 1024;
  if (text_.capacity() > worth_keeping)
    text_ = {};
  text_.clear();
  rows_ = 0;
  lines_ = 0;
  dropped_ = false;
}

} // namespace sandfleet::agent
