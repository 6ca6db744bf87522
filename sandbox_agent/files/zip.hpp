#pragma once

#include <sandfleet/error.hpp>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace sandfleet::agent::files {

struct unpack_limits {
  std::uint64_t max_entries = 1'000'000;
  std::uint64_t max_bytes = std::uint64_t{64} << 30;
  /// Bytes for each of the archive's. No honest one has more: what is deflated shrinks to a
  /// thousandth at most.
  std::uint64_t max_ratio = 1100;
};

/// Unpacks a zip archive, read from a file's beginning, into a directory. Nothing is written when
/// any entry has an absolute name, a ".." in it, or is a link or a device: `invalid_argument`.
/// `unsupported`: the file is no zip archive.
/// No link is followed on the way to a file. `limit_exceeded` beyond the limits, `cancelled` when
/// `stop` was requested; what was unpacked before stays.
[[nodiscard]] result<void> unpack_zip(int fd, const std::string& destination,
                                      const unpack_limits& limits = {},
                                      const std::stop_token& stop = {});

/// The zip of the regular files below a directory (those behind links to files included, those
/// below links to directories not), or of one file, made piece by piece; stored, not compressed.
/// What vanishes meanwhile is left out, what becomes shorter is as long as it then is, and of what
/// grows the bytes that it had. Directories that may not be read are left out.
class zip_stream {
 public:
  explicit zip_stream(const std::string& path);
  ~zip_stream();
  zip_stream(const zip_stream&) = delete;
  zip_stream& operator=(const zip_stream&) = delete;

  /// The next bytes, valid until the next call. A call that looked at many files and found nothing
  /// to read gives none.
  result<std::string_view> next();
  [[nodiscard]] bool finished() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace sandfleet::agent::files
