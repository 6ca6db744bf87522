#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace sandfleet::transport {

/// Bytes that were received and not yet used.
class input_buffer {
 public:
  [[nodiscard]] std::string_view bytes() const { return {data_.get() + begin_, end_ - begin_}; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  void consume(std::size_t count) { begin_ += count; }
  /// Room for more at the end of `bytes`, whose address may change.
  std::pair<char*, std::size_t> prepare(std::size_t wanted_capacity);
  void commit(std::size_t count) { end_ += count; }
  /// Gives memory back when nothing is held.
  void shrink(std::size_t keep_capacity);

 private:
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

} // namespace sandfleet::transport
