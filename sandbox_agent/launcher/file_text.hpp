#pragma once

#include <string>
#include <string_view>

namespace sandfleet::launcher {

/// The first 1 MiB of a file; empty when it cannot be read.
[[nodiscard]] std::string read_text(const std::string& path);

/// Writes with one write(2), as control files of the kernel want it, making nothing. 0 or an errno.
[[nodiscard]] int write_text(const std::string& path, std::string_view text) noexcept;

/// Makes or replaces a plain file. 0 or an errno.
[[nodiscard]] int put_file(const std::string& path, std::string_view text, unsigned mode) noexcept;

} // namespace sandfleet::launcher
