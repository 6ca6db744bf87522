#include "runtime/transport/input_buffer.hpp"

#include <algorithm>
#include <cstring>

namespace sandfleet::transport {

std::pair<char*, std::size_t> input_buffer::prepare(std::size_t wanted_capacity) {
  const auto held = end_ - begin_;
  if (capacity_ < wanted_capacity || capacity_ == held) {
    const auto larger = std::max(wanted_capacity, capacity_ == held ? 2 * capacity_ : capacity_);
    auto moved = std::make_unique_for_overwrite<char[]>(larger);
    if (held > 0)
      std::memcpy(moved.get(), data_.get() + begin_, held);
    data_ = std::move(moved);
    capacity_ = larger;
  } else if (held > 0 && begin_ > 0) {
    std::memmove(data_.get(), data_.get() + begin_, held);
  }
  begin_ = 0;
  end_ = held;
  return {data_.get() + end_, capacity_ - end_};
}

void input_buffer::shrink(std::size_t keep_capacity) {
  if (begin_ != end_)
    return;
  begin_ = end_ = 0;
  if (capacity_ > keep_capacity) {
    data_.reset();
    capacity_ = 0;
  }
}

} // namespace sandfleet::transport
