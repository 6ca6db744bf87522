#pragma once

#include "runtime/service/api_keys.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::service {

/// Reads the file of API keys: TOML with a table for each, named as the key is.
///   [team-a]
///   key = "at least sixteen characters"
///   max_sandboxes = 100       # optional, as the next
///   starts_per_minute = 600
/// Errors: `invalid_configuration` with file and line; those of reading; `permission_denied` when
/// other users may read it.
[[nodiscard]] result<std::vector<api_key>> read_key_file(const std::string& path);

/// The same of its text.
[[nodiscard]] result<std::vector<api_key>> parse_key_file(std::string_view text,
                                                          const std::string& file);

} // namespace sandfleet::service
