#include "tools/batch/batch_command.hpp"

#include "tools/batch/batch_job.hpp"
#include "tools/cli/setting_flags.hpp"

#include <CLI/App.hpp>

#include <array>

namespace sandfleet::batch {
namespace {

using config::key;

constexpr auto help_text = R"(TASKS is a file of one JSON object a line:
  {"id": "t1", "commands": ["echo hello"], "expect": {"output_contains": "hello"}}
Other keys: image, provider, files, env, setup, continue_on_error, timeout_s, command_timeout_s,
stdin, verify, collect, resources, network, retries. What a task does not say comes from flags and
configuration. Host files ({"from": PATH}) are found from the directory of TASKS. "collect" takes
glob patterns; of a task at most 10,000 files are collected, 64 MiB of one and 128 MiB of all, and
what is beyond has an error that says so. "verify" ({files, commands, env, timeout_s}) judges what
the commands left: it runs when all their processes are dead, outside their shell and home, and
where something stands in its way the verdict's class is agent.

RESULTS gets one line a task as soon as it has ended: id, passed, verdict {class, cause, evidence},
setup, commands, verify (each a list of {command, exit_code, output, truncated, seconds,
timed_out}), collected, attempts, retried, seconds {queue, start, setup, run, stop}, usage
{cpu_seconds, peak_memory_mb, oom_kills}, limits (enforced or not), touched (how often each limit
was met), sandbox. When the file is there already, the tasks that it holds results of are not run
again: after an interruption, give the same command once more.

Ctrl-C, SIGTERM or SIGHUP lets the running tasks end and starts no more; a second one kills them.

The table NOISE at the end says what may have changed outcomes beside the tasks themselves: limits
that were met, time in the queue and to start a sandbox, attempts that were made again and why, and
failures by class.

Examples:
  sandfleet batch tasks.jsonl -o results.jsonl
  sandfleet batch tasks.jsonl -o results.jsonl --concurrency 16 --memory 512
  sandfleet batch tasks.jsonl -o results.jsonl --output json | jq .passed

Concurrency "auto" is two sandboxes a core, and fewer where each would not have its memory (its
--memory, else 256 MiB) of seven eighths of what is available.

Exit status: 0 when every task passed, 1 when some did not, 125 when the batch itself failed (a line
that is no task, no provider, results that cannot be written), 130, 143 and 129 after SIGINT,
SIGTERM and SIGHUP.)";

class batch_command : public cli::subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer& flags) override {
    auto* app =
        root.add_subcommand("batch", "run each task of a file in a fresh sandbox, many at once");
    app->footer(help_text);
    app->add_option("TASKS", tasks_, "file of tasks, one JSON object a line")->required();
    app->add_option("-o,--results", results_, "file for the results, one JSON object a line")
        ->required()
        ->type_name("FILE");
    cli::add_setting_flags(*app, std::array{key::concurrency}, flags);
    cli::add_setting_flags(*app, cli::sandbox_settings(), flags);
    return app;
  }

  int run(const cli::cli_context& context) override {
    auto status = run_batch(context, tasks_, results_);
    if (status)
      return *status;
    cli::print_error(status.error(), context.err);
    return cli::exit_status::engine_failure;
  }

 private:
  std::string tasks_;
  std::string results_;
};

} // namespace

std::unique_ptr<cli::subcommand> make_batch_command() {
  return std::make_unique<batch_command>();
}

} // namespace sandfleet::batch
