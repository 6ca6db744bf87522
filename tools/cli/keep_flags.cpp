#include "tools/cli/keep_flags.hpp"

#include "tools/cli/known_sandboxes.hpp"

#include <CLI/App.hpp>

namespace sandfleet::cli {

void add_keep_flags(CLI::App& app, keep_flags& to) {
  app.add_flag("--rm{true}", to.remove,
               "take the sandbox away when the command has ended; --rm=false leaves it running and "
               "prints its id [true]");
  app.add_option("--name", to.name, "name for the sandbox, for ps, exec, shell and stop")
      ->type_name("NAME");
}

result<void> label(sandbox_spec& spec, const keep_flags& given,
                   const std::vector<std::string>& command, engine& runtime, foreground& work) {
  if (!command.empty())
    spec.labels.emplace(command_label, command_text(command));
  if (!given.name)
    return {};
  const auto all = work.wait(runtime.list());
  if (!all)
    return fail(all.error());
  spec.labels.emplace(name_label, *given.name);
  return check_name(*given.name, *all);
}

} // namespace sandfleet::cli
