#pragma once

#include "runtime/config/resolve.hpp"

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
  std::optional<bool> remove; ///< when the command ends; empty: as configured
  std::optional<std::string> name;

  [[nodiscard]] bool removes(const config::resolved& config) const {
    return remove.value_or(!config.truth(config::key::keep_runtime_alive));
  }
};

/// `--rm` and `--name`.
void add_keep_flags(CLI::App& app, keep_flags& to);

/// Gives a specification its name, and a label that shows the command.
[[nodiscard]] result<void> label(sandbox_spec& spec, const keep_flags& given,
                                 const std::vector<std::string>& command);

} // namespace sandfleet::cli
