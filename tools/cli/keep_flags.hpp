#pragma once

#include "tools/cli/foreground.hpp"

#include <sandfleet/engine.hpp>
#include <sandfleet/spec.hpp>

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sandfleet::cli {

/// What commands that make a sandbox know of its later life.
struct keep_flags {
  bool remove = true; ///< when the command ends
  std::optional<std::string> name;
};

/// `--rm` and `--name`.
void add_keep_flags(CLI::App& app, keep_flags& to);

/// Labels a specification with the name, which must be free, and the command.
[[nodiscard]] result<void> label(sandbox_spec& spec, const keep_flags& given,
                                 const std::vector<std::string>& command, engine& runtime,
                                 foreground& work);

} // namespace sandfleet::cli
