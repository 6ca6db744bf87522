#pragma once

#include <sandfleet/error.hpp>

#include <string>
#include <vector>

namespace sandfleet::agent::files {

/// Names in a directory: directories first, each with a trailing slash, each group in the order of
/// the lower-cased names. Broken links are left out. Nothing for what is no readable directory.
[[nodiscard]] std::vector<std::string> list_files(const std::string& path);

/// Paths that match a glob(7) pattern, sorted by bytes. A relative pattern is below `directory` and
/// gives relative paths.
[[nodiscard]] result<std::vector<std::string>> match_glob(const std::string& pattern,
                                                          const std::string& directory);

} // namespace sandfleet::agent::files
