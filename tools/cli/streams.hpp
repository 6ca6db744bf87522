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

/// A file, or our standard input, to be read in pieces.
class input_file {
 public:
  input_file(int descriptor, std::string path);
  input_file(input_file&& other) noexcept;
  ~input_file();
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;

  /// At most 64 KiB; empty at the end. `cancelled` when `wake` is readable.
  [[nodiscard]] result<std::string> read_piece(int wake) const;

 private:
  int descriptor_;
  std::string path_;
};

/// "-": our standard input.
[[nodiscard]] result<input_file> open_input(const std::string& path);

} // namespace sandfleet::cli
