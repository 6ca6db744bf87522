#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace sandfleet::cli {

/// A word that may stand at the cursor.
struct suggestion {
  std::string text;
  std::string description; ///< may be empty

  friend bool operator==(const suggestion&, const suggestion&) = default;
};

/// What the shell itself knows to complete.
enum class shell_knows { nothing, files, directories, commands };

struct completion {
  std::vector<suggestion> words;
  shell_knows also = shell_knows::nothing;
  /// The part of the word at the cursor that stands before the value, such as "--config=".
  std::string before;
};

/// The sandboxes that a user could mean.
using sandbox_source = std::function<std::vector<suggestion>()>;

/// What may stand at the end of `words` (those behind the program's name, the last one being at the
/// cursor and perhaps empty), as the definition of the command line says.
[[nodiscard]] completion complete(const CLI::App& root, std::span<const std::string> words,
                                  const sandbox_source& sandboxes);

/// For the scripts: a line for each word, "TEXT<tab>DESCRIPTION", and then perhaps ":files",
/// ":directories" or ":commands", "<tab>" and `before`.
[[nodiscard]] std::string to_lines(const completion& found);

/// The script for "bash", "zsh" or "fish"; empty for others.
[[nodiscard]] std::string_view completion_script(std::string_view shell) noexcept;

} // namespace sandfleet::cli
