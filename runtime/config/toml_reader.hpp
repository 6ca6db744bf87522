#pragma once

#include "runtime/config/layers.hpp"

#include <sandfleet/error.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::config {

/// One key of a file, two levels deep; deeper levels are in the value.
struct file_entry {
  std::string section; ///< empty: the key stands before any section
  std::string name;
  std::optional<raw_data> data; ///< nothing: of a type that no setting has
  unsigned line = 0;
  std::string table_json; ///< of a table: the whole of it

  [[nodiscard]] std::string path() const { return section.empty() ? name : section + "." + name; }
};

/// Parses TOML 1.0. `file` is for messages. Errors: `invalid_configuration` with file and line.
[[nodiscard]] result<std::vector<file_entry>> parse_toml(std::string_view text,
                                                         const std::string& file);

/// Reads at most 1 MiB. Errors: `not_found`, `permission_denied`, `io_error`, `limit_exceeded`.
[[nodiscard]] result<std::string> read_small_file(const std::string& path);

} // namespace sandfleet::config
