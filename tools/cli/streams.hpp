#pragma once

#include <sandfleet/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sandfleet::cli {

enum class write_outcome { written, reader_gone, interrupted };

/// Writes all of `bytes`, waiting for a slow reader for as long as `wake` is not readable. A
/// failure other than a missing reader (a full disk) counts as a reader that is gone and sets
/// `failure`.
[[nodiscard]] write_outcome write_all(int descriptor, std::string_view bytes, int wake,
                                      int& failure);

/// Reads a file, or our standard input for "-", to its end or until `wake` is readable
/// (`cancelled`). More than `max_bytes` is `limit_exceeded`.
[[nodiscard]] result<std::string> read_input(const std::string& path, std::size_t max_bytes,
                                             int wake);

} // namespace sandfleet::cli
