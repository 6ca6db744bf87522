#include "tools/cli/commands.hpp"
#include "tools/cli/foreground.hpp"
#include "tools/cli/help.hpp"
#include "tools/cli/interrupt.hpp"
#include "tools/cli/run_report.hpp"
#include "tools/cli/setting_flags.hpp"
#include "tools/cli/streams.hpp"

#include <sandfleet/engine.hpp>

#include <CLI/App.hpp>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <csignal>
#include <iostream>
#include <optional>
#include <unistd.h>

namespace sandfleet::cli {

namespace {

using config::key;

constexpr std::size_t max_stdin_bytes = 64U << 20;

constexpr auto examples = R"(Examples:
  sandfleet run -- echo hello
  sandfleet run --timeout 5 --memory 512 -- python3 -c 'print(6 * 7)'
  sandfleet run -v "$PWD:/workspace" -- make test
  sandfleet run --network host -e TOKEN=abc -- curl https://example.org
  sandfleet run --stdin - -- wc -c < data.bin
  sandfleet run --output json -- sh -c 'echo out; echo err >&2; exit 3'

Exit status: that of COMMAND; 128+N when signal N ended it; 124 when it ran out of time; 125 when
sandfleet itself failed; 126 and 127 when COMMAND cannot be run or is not there; 130 and 143 after
SIGINT and SIGTERM. Nothing of the sandbox is left in any case.)";

/// Passes output on as it comes. Called on one thread at a time.
class output_relay {
 public:
  output_relay(foreground& work, const interrupt_watch& watch) : work_(work), watch_(watch) {}

  void operator()(int stream, std::string_view bytes) {
    if (ended_)
      return;
    const int target = stream == 2 ? STDERR_FILENO : STDOUT_FILENO;
    switch (write_all(target, bytes, watch_.descriptor(), failure_)) {
    case write_outcome::written:
      return;
    case write_outcome::reader_gone:
      reader_gone_ = true;
      break;
    case write_outcome::interrupted:
      break;
    }
    ended_ = true;
    work_.cancel();
  }

  /// Valid once the command has ended.
  [[nodiscard]] bool reader_gone() const { return reader_gone_; }
  [[nodiscard]] int failure() const { return failure_; }

 private:
  foreground& work_;
  const interrupt_watch& watch_;
  bool ended_ = false;
  std::atomic<bool> reader_gone_ = false;
  int failure_ = 0;
};

/// One run, from the start of its sandbox to its end.
class run_job {
 public:
  run_job(const cli_context& context, engine& runtime, exec_request request)
      : context_(context), runtime_(runtime), request_(std::move(request)),
        work_(runtime.executor()), watch_([this](int) { work_.cancel(); }), relay_(work_, watch_) {}

  int run(sandbox_spec spec, const std::string& stdin_path) {
    run_report report;
    report.spec = spec;
    auto outcome = execute(std::move(spec), stdin_path, report);
    if (outcome)
      report.result = std::move(*outcome);
    else
      report.failure = std::move(outcome.error());
    const int status = status_of(report);
    const bool json = context_.output == output_mode::json;
    if (json)
      std::cout << to_json(report, status) << std::endl;
    else if (report.result && report.result->timed_out)
      print_error(make_error(errc::timed_out, "the command did not end in time")
                      .blamed_on(failure_class::agent)
                      .with_cause("timeout: " + context_.config.shown(key::timeout))
                      .with_hint("--timeout sets the limit"),
                  context_.err);
    if (report.failure && watch_.signal() == 0 && !relay_.reader_gone())
      print_error(*report.failure, context_.err);
    return status;
  }

 private:
  result<exec_result> execute(sandbox_spec spec, const std::string& stdin_path,
                              run_report& report) {
    if (!stdin_path.empty()) {
      auto input = read_input(stdin_path, max_stdin_bytes, watch_.descriptor());
      if (!input)
        return fail(input.error());
      request_.stdin_bytes = std::move(*input);
    }
    stopwatch timing;
    auto started = work_.wait(runtime_.start(std::move(spec)));
    report.start_seconds = timing.lap();
    if (!started)
      return fail(started.error());
    report.id = started->id();
    report.limits = started->limits();
    for (const auto& [limit, state] : report.limits)
      if (state != "enforced")
        spdlog::warn("limit_not_held limit={} state=\"{}\"", limit, state);
    auto outcome = context_.output == output_mode::json
                       ? work_.wait(started->exec(std::move(request_)))
                       : work_.wait(started->exec(std::move(request_), std::ref(relay_)));
    report.run_seconds = timing.lap();
    report.executed = true;
    auto stopped = work_.finish(started->stop());
    report.stop_seconds = timing.lap();
    if (stopped)
      report.usage = stopped->usage;
    else
      spdlog::error("stop_failed sandbox={} error=\"{}\"", started->id().str(),
                    stopped.error().to_string());
    if (relay_.failure() != 0)
      return fail(errno_error(errc::io_error, "the output cannot be written", relay_.failure()));
    return outcome;
  }

  [[nodiscard]] int status_of(const run_report& report) const {
    if (watch_.signal() != 0)
      return exit_status::of_signal(watch_.signal());
    if (relay_.reader_gone() && relay_.failure() == 0)
      return exit_status::of_signal(SIGPIPE);
    if (report.result) {
      if (report.result->timed_out)
        return exit_status::timed_out;
      if (report.result->signal)
        return exit_status::of_signal(*report.result->signal);
      return report.result->exit_code.value_or(exit_status::engine_failure);
    }
    switch (report.failure->code) {
    case errc::out_of_memory:
      return exit_status::of_signal(SIGKILL);
    case errc::not_found:
      return report.executed ? exit_status::command_not_found : exit_status::engine_failure;
    case errc::permission_denied:
      return report.executed ? exit_status::cannot_execute : exit_status::engine_failure;
    default:
      return exit_status::engine_failure;
    }
  }

  const cli_context& context_;
  engine& runtime_;
  exec_request request_;
  foreground work_;
  interrupt_watch watch_;
  output_relay relay_;
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
    app->add_option("--stdin", stdin_, "the command's standard input; - is ours [empty]")
        ->type_name("FILE|-");
    return app;
  }

  int run(const cli_context& context) override {
    const auto refuse = [&](const error& failure) {
      print_error(failure, context.err);
      return exit_status::engine_failure;
    };
    if (context.words.empty())
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
    exec_request request;
    request.argv = context.words;
    request.timeout = context.config.duration(key::timeout);
    return run_job(context, *runtime, std::move(request)).run(std::move(*spec), stdin_);
  }

 private:
  std::string stdin_;
};

} // namespace

std::unique_ptr<subcommand> make_run_command() {
  return std::make_unique<run_command>();
}

} // namespace sandfleet::cli
