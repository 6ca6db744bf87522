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

/// Reads {"NAME": VALUE, ...} with values of any kind, tuples and numbers as names too, at most 32
/// deep: by name the JSON of each value.
[[nodiscard]] result<std::map<std::string, std::string>> read_object_literal(std::string_view text);

/// The text as JSON writes it, quotes included.
[[nodiscard]] std::string json_string(std::string_view text);

} // namespace sandfleet::config
