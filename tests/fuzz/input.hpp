#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The bytes of one input, taken away from the front; once they are used up, zeros and empty texts.
class fuzz_input {
 public:
  fuzz_input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t byte() {
    const auto first = take(1);
    return first.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(first.front());
  }

  bool flag() { return (byte() & 1U) != 0; }

  /// In [0, bound).
  std::size_t below(std::size_t bound) {
    return (std::size_t{byte()} << 8U | std::size_t{byte()}) % bound;
  }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i)
      value = value << 8U | byte();
    return value;
  }

  /// A text whose length is told by a byte before it.
  std::string text(std::size_t longest = 255) {
    return std::string(take(std::min<std::size_t>(byte(), longest)));
  }

  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view take(std::size_t count) {
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
};

/// `bytes` in pieces of 1 to 64 bytes, which the `seed` chooses.
inline std::vector<std::string_view> pieces_of(std::string_view bytes, std::uint8_t seed) {
  std::vector<std::string_view> pieces;
  std::uint32_t state = seed;
  while (!bytes.empty()) {
    state = state * 1664525U + 1013904223U;
    const std::size_t length = seed % 2 == 0 ? 1 + seed / 2 % 64 : 1 + (state >> 24U) % 64;
    pieces.push_back(bytes.substr(0, length));
    bytes.remove_prefix(pieces.back().size());
  }
  return pieces;
}
