#pragma once

#include <string>

namespace CLI {
class App;
}

namespace sandfleet::cli {

/// The page sandfleet(1) in the language of man(7), from the definition of the command line and the
/// table of settings. `date` is the day of that version.
[[nodiscard]] std::string manual_page(const CLI::App& root, const std::string& version,
                                      const std::string& date);

} // namespace sandfleet::cli
