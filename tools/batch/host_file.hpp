#pragma once

#include <sandfleet/error.hpp>

#include <cstdint>
#include <string>

namespace sandfleet::batch {

inline constexpr std::size_t largest_host_file = 1'024U << 20;

struct host_file {
  std::string bytes;
  std::uint32_t mode = 0; ///< permission bits
};

/// A regular file of this machine, relative paths below `directory`. Errors, class `task`:
/// `not_found`, `permission_denied`, `limit_exceeded`, `invalid_argument` (no regular file),
/// `io_error`.
[[nodiscard]] result<host_file> read_host_file(const std::string& directory,
                                               const std::string& path);

} // namespace sandfleet::batch
