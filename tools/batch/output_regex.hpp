#pragma once

#include <sandfleet/error.hpp>

#include <string>
#include <string_view>

namespace sandfleet::batch {

/// Whether `pattern` (Perl syntax, on bytes) matches anywhere in `text`. `^` and `$` match at the
/// beginning and end of every line, `.` matches no line feed. Errors, class `task`:
/// `invalid_argument` for a pattern that is none, `limit_exceeded` for one that backtracks beyond
/// a fixed number of steps on this text.
[[nodiscard]] result<bool> regex_found(const std::string& pattern, std::string_view text);

/// Says what is wrong with a pattern, if anything.
[[nodiscard]] result<void> check_regex(const std::string& pattern);

} // namespace sandfleet::batch
