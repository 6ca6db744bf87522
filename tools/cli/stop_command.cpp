#include "tools/cli/commands.hpp"
#include "tools/cli/known_sandboxes.hpp"

#include <CLI/App.hpp>

#include <algorithm>
#include <iostream>

namespace sandfleet::cli {

namespace {

class stop_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer&) override {
    auto* app = root.add_subcommand("stop", "take kept sandboxes away");
    app->footer(R"(Examples:
  sandfleet stop pet
  sandfleet stop sb-0123456789abcdef another
  sandfleet stop --all

Prints the id of each that it took away. What runs in a sandbox is killed, and nothing of it is
left. A sandbox of a program that runs (OWNER in 'sandfleet ps') ends with that program. Exit
status: 0 when all that were named are gone, 1 when one could not be stopped.)");
    app->add_option("SANDBOX", wanted_, "id or name, as 'sandfleet ps' lists it");
    app->add_flag("-a,--all", all_, "all kept sandboxes of this user");
    return app;
  }

  int run(const cli_context& context) override {
    const auto refuse = [&](const error& failure) {
      print_error(failure, context.err);
      return exit_status::engine_failure;
    };
    if (wanted_.empty() != all_)
      return refuse(make_error(errc::invalid_argument, all_ ? "--all and names exclude each other"
                                                            : "there is no sandbox to stop")
                        .with_hint("name one that 'sandfleet ps' lists, or give --all"));
    auto runtime = observing_engine(context);
    if (!runtime)
      return refuse(runtime.error());
    foreground work(runtime->executor());
    const auto known = work.wait(runtime->list());
    if (!known)
      return refuse(known.error());
    int status = exit_status::success;
    const auto stop = [&](const result<sandbox_info>& found) {
      auto gone = found ? stop_one(*runtime, work, *found) : fail(found.error());
      if (gone) {
        std::cout << found->id.str() << std::endl;
        return;
      }
      print_error(gone.error(), context.err);
      status = exit_status::failure;
    };
    for (const auto& name : wanted_)
      stop(find_sandbox(*known, name));
    if (all_)
      for (const auto& one : *known)
        if (one.kept && one.state != listed_state::abandoned)
          stop(one);
    return status;
  }

 private:
  static result<void> stop_one(engine& runtime, foreground& work, const sandbox_info& found) {
    auto box = work.wait(runtime.attach(found.id));
    if (!box)
      return fail(std::move(box.error()));
    auto stopped = work.wait(box->stop());
    if (!stopped)
      return fail(std::move(stopped.error()));
    return {};
  }

  std::vector<std::string> wanted_;
  bool all_ = false;
};

} // namespace

std::unique_ptr<subcommand> make_stop_command() {
  return std::make_unique<stop_command>();
}

} // namespace sandfleet::cli
