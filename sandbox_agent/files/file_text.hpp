#pragma once

#include <sandfleet/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Files as Python's text mode sees them, which the reference's answers depend on.
namespace sandfleet::agent::files {

/// The whole of a file; at most `max_bytes` (`limit_exceeded`). The error has the text of Python's
/// OSError as its message and the errno as evidence.
[[nodiscard]] result<std::string> load(const std::string& path,
                                       std::size_t max_bytes = std::size_t{1} << 30);

/// Writes over a file in place, so that its owner, mode and links stay; makes it when missing.
[[nodiscard]] result<void> store(const std::string& path, std::string_view bytes);

/// The errno of such an error; 0 when it has none.
[[nodiscard]] int errno_of(const error& failure) noexcept;

/// Text as `str(OSError)` has it: "[Errno 2] No such file or directory: '/x'".
[[nodiscard]] std::string os_error_text(int number, std::string_view path);
[[nodiscard]] error os_error(int number, std::string_view path);

/// "\r\n" and "\r" become "\n" (universal newlines).
[[nodiscard]] std::string universal_newlines(std::string_view text);

/// Lines with their ends, as readlines() gives them.
[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);

/// The text of Python's UnicodeDecodeError for bytes that are not UTF-8; empty when they are.
[[nodiscard]] std::string utf8_fault(std::string_view bytes);

/// As str(pathlib.Path(text)): no doubled or trailing slashes and no "." parts.
[[nodiscard]] std::string normal_path(std::string_view text);
[[nodiscard]] std::string absolute_path(std::string_view path, std::string_view directory);

/// Python's str.strip() and str.rstrip() for ASCII blanks.
[[nodiscard]] std::string_view strip(std::string_view text);
[[nodiscard]] std::string_view strip_right(std::string_view text);

/// Whether a file's first 1,024 bytes look binary, by the rules of PyPI binaryornot; what cannot be
/// read does not.
[[nodiscard]] bool looks_binary(const std::string& path);

} // namespace sandfleet::agent::files
