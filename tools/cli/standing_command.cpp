#include "tools/cli/commands.hpp"
#include "tools/cli/known_sandboxes.hpp"

#include <CLI/App.hpp>

#include <algorithm>
#include <iostream>

namespace sandfleet::cli {

namespace asio = boost::asio;

namespace {

/// What is done to each sandbox that is named.
struct deed {
  const char* name;
  const char* about;
  const char* footer;
  asio::awaitable<result<void>> (*act)(sandbox box);
};

asio::awaitable<result<void>> stop_it(sandbox box) {
  auto stopped = co_await box.stop();
  if (!stopped)
    co_return fail(std::move(stopped.error()));
  co_return result<void>{};
}

asio::awaitable<result<void>> pause_it(sandbox box) {
  co_return co_await box.pause();
}

asio::awaitable<result<void>> resume_it(sandbox box) {
  co_return co_await box.resume();
}

constexpr deed stopping{"stop", "take kept sandboxes away", R"(Examples:
  sandfleet stop pet
  sandfleet stop sb-0123456789abcdef another
  sandfleet stop --all

Prints the id of each that it took away. What runs in a sandbox is killed, and nothing of it is
left. A sandbox of a program that runs (OWNER in 'sandfleet ps') ends with that program. Exit
status: 0 when all that were named are gone, 1 when one could not be stopped.)",
                        stop_it};

constexpr deed pausing{"pause", "hold kept sandboxes still", R"(Examples:
  sandfleet pause pet
  sandfleet pause --all

Prints the id of each that is paused. Its processes stand still and use no processor; its next use
(exec, shell) resumes it. With 'pause_stops' a container's processes end instead, and only its files
stay. Exit status: 0 when all that were named are paused, 1 when one could not be.)",
                       pause_it};

constexpr deed resuming{"resume", "let paused sandboxes go on", R"(Examples:
  sandfleet resume pet

Prints the id of each that runs again. Exit status: 0 when all that were named do, 1 when one could
not be resumed.)",
                        resume_it};

class standing_command : public subcommand {
 public:
  explicit standing_command(const deed& what) : deed_(what) {}

  CLI::App* attach(CLI::App& root, config::flag_layer& flags) override {
    auto* app = root.add_subcommand(deed_.name, deed_.about);
    app->footer(deed_.footer);
    app->add_option("SANDBOX", wanted_, "id or name, as 'sandfleet ps' lists it");
    add_provider_flag(*app, flags);
    app->add_flag("-a,--all", all_, "all kept sandboxes of this user");
    return app;
  }

  int run(const cli_context& context) override {
    const auto refuse = [&](const error& failure) {
      print_error(failure, context.err);
      return exit_status::engine_failure;
    };
    if (wanted_.empty() != all_)
      return refuse(make_error(errc::invalid_argument,
                               all_ ? "--all and names exclude each other"
                                    : std::string("there is no sandbox to ") + deed_.name)
                        .with_hint("name one that 'sandfleet ps' lists, or give --all"));
    known_sandboxes known(context);
    int status = exit_status::success;
    const auto act = [&](const result<known_sandboxes::located>& found) {
      auto done = found ? act_on(*found) : fail(found.error());
      if (done) {
        std::cout << found->info.id.str() << std::endl;
        return;
      }
      print_error(done.error(), context.err);
      status = exit_status::failure;
    };
    for (const auto& name : wanted_)
      act(known.find(name));
    if (!all_)
      return status;
    for (const auto& one : known.list())
      if (one.info.kept && one.info.state != listed_state::abandoned)
        act(one);
    for (const auto& failure : known.failures()) {
      print_error(failure, context.err);
      status = exit_status::failure;
    }
    return known.is_blind() ? exit_status::engine_failure : status;
  }

 private:
  result<void> act_on(const known_sandboxes::located& found) const {
    foreground work(found.runtime->executor());
    auto box = work.wait(found.runtime->attach(found.info.id));
    if (!box)
      return fail(std::move(box.error()));
    return work.wait(deed_.act(std::move(*box)));
  }

  deed deed_;
  std::vector<std::string> wanted_;
  bool all_ = false;
};

} // namespace

std::unique_ptr<subcommand> make_stop_command() {
  return std::make_unique<standing_command>(stopping);
}

std::unique_ptr<subcommand> make_pause_command() {
  return std::make_unique<standing_command>(pausing);
}

std::unique_ptr<subcommand> make_resume_command() {
  return std::make_unique<standing_command>(resuming);
}

} // namespace sandfleet::cli
