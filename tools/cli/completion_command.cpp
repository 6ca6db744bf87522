#include "tools/cli/commands.hpp"
#include "tools/cli/completion.hpp"
#include "tools/cli/known_sandboxes.hpp"

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

#include <iostream>

namespace sandfleet::cli {

namespace {

class completion_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer&) override {
    auto* app = root.add_subcommand("completion", "print the completion script for a shell");
    app->footer(R"(Examples:
  source <(sandfleet completion bash)      bash, for instance in ~/.bashrc
  source <(sandfleet completion zsh)       zsh, after compinit
  sandfleet completion fish | source       fish

It completes commands, flags and their values, settings, files, and the ids and names of the
sandboxes that run.)");
    app->add_option("SHELL", shell_, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    return app;
  }

  int run(const cli_context&) override {
    std::cout << completion_script(shell_) << std::flush;
    return exit_status::success;
  }

 private:
  std::string shell_;
};

std::vector<suggestion> sandbox_names(const cli_context& context) {
  known_sandboxes known(context);
  std::vector<suggestion> found;
  for (const auto& [one, runtime] : known.list()) {
    const auto command = label_of(one, command_label);
    const auto about = one.image + (command.empty() ? "" : ", " + command);
    if (!one.session_id.empty())
      found.push_back({one.session_id, about});
    found.push_back({one.id.str(), about});
  }
  return found;
}

/// What the scripts ask: `sandfleet __complete -- WORD...`, the last one at the cursor.
class complete_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer&) override {
    root_ = &root;
    return root.add_subcommand("__complete")->group("");
  }

  [[nodiscard]] bool takes_command() const override { return true; }

  int run(const cli_context& context) override {
    const auto found = complete(*root_, context.words, [&] { return sandbox_names(context); });
    std::cout << to_lines(found) << std::flush;
    return exit_status::success;
  }

 private:
  const CLI::App* root_ = nullptr;
};

} // namespace

std::unique_ptr<subcommand> make_completion_command() {
  return std::make_unique<completion_command>();
}

std::unique_ptr<subcommand> make_complete_command() {
  return std::make_unique<complete_command>();
}

} // namespace sandfleet::cli
