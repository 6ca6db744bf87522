#pragma once

#include <sandfleet/error.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sandfleet::agent::files {

struct unpack_limits {
  std::uint64_t max_entries = 1'000'000;
  std::uint64_t max_bytes = std::uint64_t{64} << 30;
};

/// Unpacks a zip archive, read from a file's beginning, into a directory. Nothing is written when
/// any entry has an absolute name, a ".." in it, or is a link or a device: `invalid_argument`.
/// `unsupported`: the file is no zip archive.
/// No link is followed on the way to a file. `limit_exceeded` beyond the limits.
[[nodiscard]] result<void> unpack_zip(int fd, const std::string& destination,
                                      const unpack_limits& limits = {});

/// The zip of the regular files below a directory (those behind links to files included, those
/// below links to directories not), or of one file, made piece by piece; stored, not compressed.
class zip_stream {
 public:
  explicit zip_stream(const std::string& path);
  ~zip_stream();
  zip_stream(const zip_stream&) = delete;
  zip_stream& operator=(const zip_stream&) = delete;

  /// The next bytes, valid until the next call; empty at the end.
  result<std::string_view> next();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet::agent::files
