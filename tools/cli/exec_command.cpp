#include "tools/cli/command_job.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/help.hpp"
#include "tools/cli/known_sandboxes.hpp"
#include "tools/cli/run_report.hpp"
#include "tools/cli/setting_flags.hpp"

#include <CLI/App.hpp>
#include <boost/asio/system_executor.hpp>

#include <array>

namespace sandfleet::cli {

namespace asio = boost::asio;

namespace {

using config::key;

class exec_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer& flags) override {
    auto* app = root.add_subcommand("exec", "run one command in a sandbox that runs");
    app->formatter(std::make_shared<help_formatter>(help_formatter::usual_width(),
                                                    "-- COMMAND [ARGUMENT...]"));
    app->footer(R"(Examples:
  sandfleet exec pet -- ls -l
  sandfleet exec --workdir /tmp --env NAME=value pet -- env
  sandfleet exec --stdin script.sh pet -- sh

SANDBOX may be any sandbox of this user, one of a running batch too. The command is a process of its
own beside the sandbox's shells. The exit status is that of 'sandfleet run'.)");
    app->add_option("SANDBOX", wanted_, "id or name, as 'sandfleet ps' lists it")->required();
    add_setting_flags(*app, std::array{key::timeout}, flags);
    add_provider_flag(*app, flags);
    app->add_option("-w,--workdir", request_.cwd, "directory to run in [the workspace]")
        ->type_name("DIR");
    app->add_option("-e,--env", variables_, "environment variable; may be repeated")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    app->add_option("--stdin", stdin_, "the command's standard input; - is ours [empty]")
        ->type_name("FILE|-");
    return app;
  }

  [[nodiscard]] bool takes_command() const override { return true; }

  int run(const cli_context& context) override {
    const auto refuse = [&](const error& failure) {
      print_error(failure, context.err);
      return exit_status::engine_failure;
    };
    if (context.words.empty())
      return refuse(make_error(errc::invalid_argument, "there is no command to run")
                        .with_hint("write it behind '--': sandfleet exec " + wanted_ + " -- ls"));
    for (const auto& pair : variables_) {
      const auto equals = pair.find('=');
      if (equals == std::string::npos || equals == 0)
        return refuse(
            make_error(errc::invalid_argument, "--env: '" + pair + "' is not NAME=VALUE"));
      request_.env[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    request_.argv = context.words;
    request_.timeout = context.config.duration(key::timeout);
    known_sandboxes known(context);
    stopwatch timing;
    const auto found = known.find(wanted_);
    command_job job(context, found ? found->runtime->executor() : asio::system_executor());
    run_report report;
    auto outcome = found ? execute(*found, job, timing, report) : fail(found.error());
    return job.conclude(std::move(outcome), std::move(report));
  }

 private:
  result<exec_result> execute(const known_sandboxes::located& found, command_job& job,
                              stopwatch& timing, run_report& report) {
    if (auto taken = job.take_stdin(stdin_); !taken)
      return fail(taken.error());
    auto box = job.work().wait(found.runtime->attach(found.info.id));
    report.start_seconds = timing.lap();
    if (!box)
      return fail(std::move(box.error()));
    report.id = found.info.id;
    report.spec.provider = found.info.provider;
    report.spec.image = found.info.image;
    report.kept = found.info.kept;
    report.limits = box->limits();
    auto outcome = job.run(*box, std::move(request_));
    report.run_seconds = timing.lap();
    report.executed = true;
    return outcome;
  }

  std::string wanted_;
  exec_request request_;
  std::vector<std::string> variables_;
  std::string stdin_;
};

} // namespace

std::unique_ptr<subcommand> make_exec_command() {
  return std::make_unique<exec_command>();
}

} // namespace sandfleet::cli
