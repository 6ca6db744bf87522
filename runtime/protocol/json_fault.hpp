#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace sandfleet::protocol {

struct json_fault {
  std::string_view message; ///< Python's words for it
  std::size_t offset = 0;   ///< in bytes
};

/// What Python's `json.loads` objects to in a text, which clients of the reference know; nothing
/// where it has no objection (it takes NaN and lone surrogates, for instance), or where the text is
/// nested deeper than 64.
[[nodiscard]] std::optional<json_fault> find_json_fault(std::string_view text);

} // namespace sandfleet::protocol
