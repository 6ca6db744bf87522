#include "tools/cli/commands.hpp"
#include "tools/cli/manual.hpp"

#include <CLI/App.hpp>

#include <iostream>

namespace sandfleet::cli {

namespace {

class manual_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer&) override {
    root_ = &root;
    auto* app = root.add_subcommand("manual", "print the manual page sandfleet(1)");
    app->footer(R"(Examples:
  sandfleet manual | man -l -              read it
  sandfleet manual > sandfleet.1           for a directory of manual pages)");
    return app;
  }

  int run(const cli_context&) override {
    std::cout << manual_page(*root_, SANDFLEET_VERSION, SANDFLEET_DATE) << std::flush;
    return exit_status::success;
  }

 private:
  const CLI::App* root_ = nullptr;
};

} // namespace

std::unique_ptr<subcommand> make_manual_command() {
  return std::make_unique<manual_command>();
}

} // namespace sandfleet::cli
