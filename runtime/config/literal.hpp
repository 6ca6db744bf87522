#pragma once

#include <sandfleet/error.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::config {

/// Reads {"NAME": "VALUE", ...} as JSON or Python write it, which is how OpenHands takes maps from
/// the environment. Bare values (numbers, True, null) are taken as the text that they are. Errors:
/// `invalid_argument` with the position; nothing of the text is quoted, it may be secret.
[[nodiscard]] result<std::map<std::string, std::string>> read_map_literal(std::string_view text);

/// Reads ["TEXT", ...] likewise.
[[nodiscard]] result<std::vector<std::string>> read_list_literal(std::string_view text);

} // namespace sandfleet::config
