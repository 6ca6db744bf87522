#pragma once

#include "tools/cli/context.hpp"

#include <iosfwd>
#include <string>
#include <vector>

namespace sandfleet::cli {

enum class tone { plain, strong, dim, good, warning, bad };

/// `text` in the colour of `t`, or as it is where there are no colours.
[[nodiscard]] std::string painted(std::string text, tone t, const stream_look& look);

/// `text` with control characters as \xNN, so that no value can move the cursor; line ends and tabs
/// stay when `lines` is true.
[[nodiscard]] std::string printable(std::string_view text, bool lines = false);

struct cell {
  std::string text; ///< UTF-8, one line
  tone look = tone::plain;
};

/// Columns as wide as their content, two blanks apart; the last one wraps at blanks to the width of
/// the terminal, below itself. Cells are made `printable`.
void print_table(std::ostream& out, const std::vector<std::string>& header,
                 const std::vector<std::vector<cell>>& rows, const stream_look& look);

/// Columns that a UTF-8 text takes, counting each code point as one.
[[nodiscard]] std::size_t display_width(std::string_view text) noexcept;

} // namespace sandfleet::cli
