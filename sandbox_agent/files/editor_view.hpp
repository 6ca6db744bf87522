#pragma once

#include "sandbox_agent/files/text_encoding.hpp"

#include <sandfleet/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The parts of the editor that only look, and the rendering that all commands share.
namespace sandfleet::agent::files {

using line_range = std::optional<std::vector<std::int64_t>>;

/// Refuses what the editor does not touch: too large, binary. Nothing for what is no regular file.
[[nodiscard]] result<void> check_editable(const std::string& path);

struct file_text {
  std::string text; ///< with universal newlines
  text_encoding kept_in = text_encoding::utf8;
};

/// The error is the client-visible text.
[[nodiscard]] result<file_text> read_text(const std::string& path);

/// Lines `first` to `last` (from 1, both included) with their ends.
[[nodiscard]] std::string line_span(std::string_view text, std::int64_t first, std::int64_t last);
[[nodiscard]] std::int64_t count_lines(std::string_view text);

/// As `cat -n` numbers them, under a heading; long texts are clipped with a notice.
[[nodiscard]] std::string numbered(std::string_view text, const std::string& what,
                                   std::int64_t first_number = 1);

[[nodiscard]] result<std::string> view_file(const std::string& path, const line_range& range);
[[nodiscard]] result<std::string> view_directory(const std::string& path, const line_range& range);

/// Office and audio files: the reference shows them as Markdown and edits none of them.
[[nodiscard]] bool is_office_or_audio(std::string_view path);
[[nodiscard]] std::string extension(std::string_view path);

/// "Invalid `parameter` parameter: value. hint".
[[nodiscard]] tl::unexpected<error>
invalid_parameter(std::string_view parameter, std::string_view value, std::string_view hint);

} // namespace sandfleet::agent::files
