#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace sandfleet::agent::files {

/// Lines that are the same in both: `size` of them from `a` in the one and `b` in the other.
struct matching_block {
  std::size_t a = 0;
  std::size_t b = 0;
  std::size_t size = 0;
};

/// What Python's difflib.SequenceMatcher gives, in order; the last block is empty, at both ends.
[[nodiscard]] std::vector<matching_block> matching_blocks(const std::vector<std::string_view>& a,
                                                          const std::vector<std::string_view>& b);

} // namespace sandfleet::agent::files
