#include "tools/cli/commands.hpp"
#include "tools/cli/foreground.hpp"
#include "tools/cli/help.hpp"
#include "tools/cli/keep_flags.hpp"
#include "tools/cli/known_sandboxes.hpp"
#include "tools/cli/raw_terminal.hpp"
#include "tools/cli/setting_flags.hpp"
#include "tools/cli/shell_session.hpp"

#include <sandfleet/engine.hpp>

#include <CLI/App.hpp>

#include <array>
#include <cstdlib>
#include <iostream>
#include <optional>

namespace sandfleet::cli {

namespace {

using config::key;

class shell_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer& flags) override {
    app_ = root.add_subcommand("shell", "open a shell in a sandbox, fresh or running");
    app_->formatter(std::make_shared<help_formatter>(help_formatter::usual_width(),
                                                     "[-- COMMAND [ARGUMENT...]]"));
    app_->footer(R"(Examples:
  sandfleet shell                          in a fresh sandbox, which goes with the shell
  sandfleet shell --network host -v "$PWD:/work"
  sandfleet shell pet                      in a sandbox that runs
  sandfleet shell pet -- python3           another program on the terminal
  sandfleet shell pet --terminal pair      one that several people share

The shell is bash, or sh where there is none, on a terminal of its own: keys, signals and the size
of the window are passed on. Its exit status is ours; 128+N when signal N ended it, or us. Settings
of a sandbox are for a fresh one. --rm=false keeps that as 'sandfleet run' does.)");
    app_->add_option("--terminal", name_,
                     "share the terminal of that name: who asks for it first starts the command, "
                     "others see and type the same")
        ->type_name("NAME");
    app_->add_option("SANDBOX", wanted_, "id or name, as 'sandfleet ps' lists it [a fresh one]");
    add_setting_flags(*app_, sandbox_settings(), flags);
    add_setting_flags(*app_, std::array{key::keep_for}, flags);
    add_keep_flags(*app_, keeping_);
    return app_;
  }

  [[nodiscard]] bool takes_command() const override { return true; }

  int run(const cli_context& context) override {
    auto status = begin(context);
    if (status)
      return *status;
    print_error(status.error(), context.err);
    return exit_status::engine_failure;
  }

 private:
  result<int> begin(const cli_context& context) {
    if (wanted_)
      if (auto checked = check_no_settings(); !checked)
        return fail(checked.error());
    // Before there are threads.
    auto local = raw_terminal::prepare();
    if (!local)
      return fail(local.error());
    const session_signals signals;
    known_sandboxes known(context);
    if (wanted_) {
      const auto found = known.find(*wanted_);
      if (!found)
        return fail(found.error());
      foreground work(found->runtime->executor());
      auto box = work.wait(found->runtime->attach(found->info.id));
      if (!box)
        return fail(std::move(box.error()));
      return interact(context, *found->runtime, work, *box, *local, signals);
    }
    auto runtime = make_engine(context);
    if (!runtime)
      return fail(runtime.error());
    foreground work(runtime->executor());
    auto box = start(context, *runtime, work);
    if (!box)
      return fail(std::move(box.error()));
    const auto ended = interact(context, *runtime, work, *box, *local, signals);
    // What signals have ended is not kept either.
    const bool keep =
        !keeping_.removes(context.config) && ended && *ended < exit_status::of_signal(0);
    if (auto gone = keep ? keep_box(context, work, *box) : remove(work, *box); !gone)
      return fail(std::move(gone.error()));
    return ended;
  }

  [[nodiscard]] result<void> check_no_settings() const {
    for (const auto* option : app_->get_options())
      if (option->count() > 0 && !option->get_lnames().empty() &&
          !option->check_lname("terminal") && !option->check_lname("provider"))
        return fail(make_error(errc::invalid_argument,
                               "--" + option->get_lnames().front() + " is for a fresh sandbox")
                        .with_hint("leave it out, or leave out '" + *wanted_ + "'"));
    return {};
  }

  static result<engine> make_engine(const cli_context& context) {
    auto settings = context.config.engine_settings();
    if (!settings)
      return fail(settings.error());
    return engine::create(std::move(*settings));
  }

  result<sandbox> start(const cli_context& context, engine& runtime, foreground& work) const {
    auto spec = context.config.base_spec();
    if (!spec)
      return fail(spec.error());
    if (auto labelled = label(*spec, keeping_, context.words); !labelled)
      return fail(labelled.error());
    return work.wait(runtime.start(std::move(*spec)));
  }

  result<int> interact(const cli_context& context, engine& runtime, foreground& work, sandbox& box,
                       raw_terminal& local, const session_signals& signals) const {
    terminal_request request;
    request.argv = context.words;
    request.name = name_;
    request.size = raw_terminal::size();
    if (const char* term = std::getenv("TERM"); term != nullptr && *term != '\0')
      request.env["TERM"] = term;
    auto remote = work.wait(box.open_terminal(std::move(request)));
    if (!remote)
      return fail(std::move(remote.error()));
    auto end = run_session(runtime, std::move(*remote), local, signals);
    if (end.signal != 0)
      return exit_status::of_signal(end.signal);
    if (!end.outcome)
      return fail(std::move(end.outcome.error()));
    if (end.outcome->signal)
      return exit_status::of_signal(*end.outcome->signal);
    return end.outcome->exit_code.value_or(exit_status::engine_failure);
  }

  static result<void> keep_box(const cli_context& context, foreground& work, sandbox& box) {
    auto kept = work.finish(box.keep(context.config.duration(key::keep_for)));
    if (kept)
      std::cerr << box.id().str() << std::endl;
    return kept;
  }

  static result<void> remove(foreground& work, sandbox& box) {
    auto stopped = work.finish(box.stop());
    if (!stopped)
      return fail(std::move(stopped.error()));
    return {};
  }

  CLI::App* app_ = nullptr;
  std::optional<std::string> wanted_;
  std::string name_;
  keep_flags keeping_;
};

} // namespace

std::unique_ptr<subcommand> make_shell_command() {
  return std::make_unique<shell_command>();
}

} // namespace sandfleet::cli
