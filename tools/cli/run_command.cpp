#include "tools/cli/command_job.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/help.hpp"
#include "tools/cli/keep_flags.hpp"
#include "tools/cli/run_report.hpp"
#include "tools/cli/setting_flags.hpp"

#include <sandfleet/engine.hpp>

#include <CLI/App.hpp>
#include <spdlog/spdlog.h>

#include <array>
#include <iostream>

namespace sandfleet::cli {

namespace {

using config::key;

constexpr auto examples = R"(Examples:
  sandfleet run -- echo hello
  sandfleet run --timeout 5 --memory 512 -- python3 -c 'print(6 * 7)'
  sandfleet run -v "$PWD:/workspace" -- make test
  sandfleet run --network host -e TOKEN=abc -- curl https://example.org
  sandfleet run --stdin - -- wc -c < data.bin
  sandfleet run --output json -- sh -c 'echo out; echo err >&2; exit 3'
  sandfleet run --rm=false --name pet -- make test && sandfleet shell pet

Exit status: that of COMMAND; 128+N when signal N ended it; 124 when it ran out of time; 125 when
sandfleet itself failed; 126 and 127 when COMMAND cannot be run or is not there; 130 and 143 after
SIGINT and SIGTERM. Nothing of the sandbox is left in any case, but with --rm=false, where it stays
until 'sandfleet stop', or until the time of --keep-for is over.)";

/// One run, from the start of its sandbox to its end, or to where it is left to itself.
class run_job {
 public:
  run_job(const cli_context& context, engine& runtime, bool keep)
      : context_(context), runtime_(runtime), keep_(keep), job_(context, runtime.executor()) {}

  int run(sandbox_spec spec, exec_request request, const std::string& stdin_path) {
    run_report report;
    report.spec = spec;
    auto outcome = execute(std::move(spec), std::move(request), stdin_path, report);
    return job_.conclude(std::move(outcome), std::move(report));
  }

  /// Leaves a sandbox without a command.
  int start(sandbox_spec spec) {
    auto box = job_.work().wait(runtime_.start(std::move(spec)));
    auto kept = box ? keep(*box) : fail(box.error());
    if (!kept) {
      if (job_.signal() == 0)
        print_error(kept.error(), context_.err);
      return job_.signal() != 0 ? exit_status::of_signal(job_.signal())
                                : exit_status::engine_failure;
    }
    if (context_.output == output_mode::json)
      std::cout << started_json(box->id(), box->limits()) << std::endl;
    else
      std::cout << box->id().str() << std::endl;
    return exit_status::success;
  }

 private:
  /// Not so what is limited by default, as well as the machine can.
  [[nodiscard]] bool was_asked_for(const std::string& limit) const {
    const auto setting = config::find_setting(limit);
    return !setting || context_.config.was_given(*setting);
  }

  result<exec_result> execute(sandbox_spec spec, exec_request request,
                              const std::string& stdin_path, run_report& report) {
    if (auto read = job_.take_stdin(stdin_path); !read)
      return fail(read.error());
    stopwatch timing;
    auto started = job_.work().wait(runtime_.start(std::move(spec)));
    report.start_seconds = timing.lap();
    if (!started)
      return fail(started.error());
    report.id = started->id();
    report.limits = started->limits();
    for (const auto& [limit, state] : report.limits)
      if (state != "enforced" && was_asked_for(limit))
        spdlog::warn("limit_not_held limit={} state=\"{}\"", limit, state);
    auto outcome = job_.run(*started, std::move(request));
    report.run_seconds = timing.lap();
    report.executed = true;
    if (keep_ && job_.signal() == 0) {
      auto kept = keep(*started);
      if (!kept)
        return fail(std::move(kept.error()));
      report.kept = true;
      if (context_.output != output_mode::json)
        std::cerr << report.id.str() << std::endl;
      return outcome;
    }
    auto stopped = job_.work().finish(started->stop());
    report.stop_seconds = timing.lap();
    if (stopped)
      report.usage = stopped->usage;
    else
      spdlog::error("stop_failed sandbox={} error=\"{}\"", started->id().str(),
                    stopped.error().to_string());
    return outcome;
  }

  /// What cannot be kept is taken away with the engine.
  result<void> keep(sandbox& box) {
    return job_.work().finish(box.keep(context_.config.duration(key::keep_for)));
  }

  const cli_context& context_;
  engine& runtime_;
  bool keep_;
  command_job job_;
};

class run_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer& flags) override {
    auto* app = root.add_subcommand("run", "run one command in a fresh sandbox");
    app->formatter(std::make_shared<help_formatter>(help_formatter::usual_width(),
                                                    "-- COMMAND [ARGUMENT...]"));
    app->footer(examples);
    add_setting_flags(*app, sandbox_settings(), flags);
    add_setting_flags(*app, std::array{key::timeout}, flags);
    add_setting_flags(*app, std::array{key::keep_for}, flags);
    add_keep_flags(*app, keeping_);
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
    const bool keep = !keeping_.removes(context.config);
    if (context.words.empty() && !keep)
      return refuse(make_error(errc::invalid_argument, "there is no command to run")
                        .with_hint("write it behind '--': sandfleet run -- echo hello"));
    auto settings = context.config.engine_settings();
    if (!settings)
      return refuse(settings.error());
    auto spec = context.config.base_spec();
    if (!spec)
      return refuse(spec.error());
    auto runtime = engine::create(std::move(*settings));
    if (!runtime)
      return refuse(runtime.error());
    if (auto labelled = label(*spec, keeping_, context.words); !labelled)
      return refuse(labelled.error());
    run_job job(context, *runtime, keep);
    if (context.words.empty())
      return job.start(std::move(*spec));
    exec_request request;
    request.argv = context.words;
    request.timeout = context.config.duration(key::timeout);
    return job.run(std::move(*spec), std::move(request), stdin_);
  }

 private:
  keep_flags keeping_;
  std::string stdin_;
};

} // namespace

std::unique_ptr<subcommand> make_run_command() {
  return std::make_unique<run_command>();
}

} // namespace sandfleet::cli
