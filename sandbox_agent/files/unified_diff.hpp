#pragma once

#include <string>
#include <string_view>

namespace sandfleet::agent::files {

/// What Python's difflib.unified_diff gives for the lines of two texts without context lines,
/// blanks at line ends dropped, joined by newlines; empty when they are the same.
[[nodiscard]] std::string unified_diff(std::string_view before, std::string_view after,
                                       std::string_view path);

} // namespace sandfleet::agent::files
