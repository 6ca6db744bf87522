#include "runtime/core/line_splitter.hpp"

namespace sandfleet::core {

void line_splitter::feed(std::string_view bytes,
                         const std::function<void(std::string_view line)>& on_line) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    if (begun_.size() + part.size() > longest_) {
      dropping_ = dropped_ = true;
      begun_.clear();
    }
    if (end == std::string_view::npos) {
      if (!dropping_)
        begun_ += part;
      return;
    }
    if (!dropping_ && begun_.empty()) {
      on_line(part);
    } else if (!dropping_) {
      begun_ += part;
      on_line(begun_);
    }
    begun_.clear();
    dropping_ = false;
    bytes.remove_prefix(end + 1);
  }
}

} // namespace sandfleet::core
