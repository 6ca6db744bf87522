#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::agent {

/// The complete commands of a text, as an interactive shell would take them one after the other: a
/// newline ends one unless quotes, a here-document, a compound command or an operator at the line's
/// end keep it open. A comment belongs to the command before it, those at the text's begin to the
/// first one. Nothing when the text is not a sequence of whole commands.
[[nodiscard]] std::optional<std::vector<std::string>> split_commands(std::string_view text);

} // namespace sandfleet::agent
