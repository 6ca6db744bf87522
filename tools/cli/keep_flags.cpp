#include "tools/cli/keep_flags.hpp"

#include "tools/cli/known_sandboxes.hpp"

#include <CLI/App.hpp>

#include <cstdint>

namespace sandfleet::cli {

void add_keep_flags(CLI::App& app, keep_flags& to) {
  app.add_flag_function(
      "--rm{true}", [&to](std::int64_t given) { to.remove = given > 0; },
      "take the sandbox away when the command has ended; --rm=false leaves it running and "
      "prints its id [true, unless keep_runtime_alive is set]");
  app.add_option("--name", to.name, "name for the sandbox, for ps, exec, shell and stop")
      ->type_name("NAME");
}

result<void> label(sandbox_spec& spec, const keep_flags& given,
                   const std::vector<std::string>& command) {
  if (!command.empty())
    spec.labels.emplace(command_label, command_text(command));
  if (!given.name)
    return {};
  spec.session_id = *given.name;
  return check_name(*given.name);
}

} // namespace sandfleet::cli
