#include "tools/batch/batch_job.hpp"

#include "tools/batch/batch_run.hpp"
#include "tools/batch/concurrency.hpp"
#include "tools/batch/engine_source.hpp"
#include "tools/batch/interrupts.hpp"
#include "tools/batch/preflight.hpp"
#include "tools/batch/progress_display.hpp"
#include "tools/batch/result_file.hpp"
#include "tools/batch/result_json.hpp"
#include "tools/batch/summary.hpp"
#include "tools/batch/task_file.hpp"
#include "tools/cli/json_log.hpp"
#include "tools/cli/table.hpp"

#include <sandfleet/engine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>

namespace sandfleet::batch {
namespace {

namespace asio = boost::asio;
using config::key;

// Each bad line is named, but a file of something else shall not fill the screen.
constexpr std::size_t most_bad_lines_shown = 100;

/// One batch from files to summary. Everything but the engine runs on the calling thread.
class batch_job {
 public:
  batch_job(const cli::cli_context& context, task_file tasks, result_file results)
      : context_(context), tasks_(std::move(tasks)), results_(std::move(results)),
        display_(io_.get_executor(), context.err, [this] { return progress(); }) {}

  result<void> read_tasks();
  result<void> run(engine& runtime, sandbox_spec base, std::size_t concurrency);
  void print(const std::string& results_path) const;
  void warn(const error& what) { tell(what.to_string(), cli::tone::warning); }
  [[nodiscard]] int status() const;
  [[nodiscard]] std::uint64_t to_do() const { return account_.not_run(); }
  [[nodiscard]] bool uses_default_image() const { return uses_default_image_; }

 private:
  void tell(const std::string& text, cli::tone tone);
  void tell_bad_line(const error& what);
  result<std::optional<task>> next_task();
  result<void> keep(const task_result& done);
  void interrupted(batch_run& batch, int signal, int count);
  [[nodiscard]] progress_state progress() const;

  const cli::cli_context& context_;
  task_file tasks_;
  result_file results_;
  asio::io_context io_{1};
  progress_display display_;
  summary account_;
  const batch_run* batch_ = nullptr; ///< while it runs
  std::chrono::steady_clock::time_point began_;
  std::uint64_t passed_now_ = 0;
  bool uses_default_image_ = false;
  int signal_ = 0;
};

void batch_job::tell(const std::string& text, cli::tone tone) {
  const bool error = tone == cli::tone::bad;
  if (context_.err.quiet && !error)
    return;
  if (!context_.err.json) {
    display_.say(cli::painted("sandfleet: ", tone, context_.err) + cli::printable(text));
    return;
  }
  const auto level = error ? "error" : tone == cli::tone::warning ? "warning" : "info";
  display_.say(cli::json_log_line(std::chrono::system_clock::now(), level, cli::own_logger, text));
}

void batch_job::tell_bad_line(const error& what) {
  if (++account_.bad_lines > most_bad_lines_shown)
    return;
  tell(what.to_string(), cli::tone::bad);
}

// The first pass: every line is checked before anything runs.
result<void> batch_job::read_tasks() {
  auto census = tasks_.examine([this](const bad_line& bad) { tell_bad_line(bad.what); });
  if (!census)
    return tl::unexpected(std::move(census.error()));
  if (account_.bad_lines > most_bad_lines_shown)
    tell(std::to_string(account_.bad_lines - most_bad_lines_shown) + " more lines are no tasks",
         cli::tone::bad);
  if (census->ids.empty())
    return fail(make_error(errc::invalid_argument, tasks_.path() + " has no task")
                    .with_cause(account_.bad_lines > 0 ? "none of its lines is one" : "")
                    .with_hint(R"(one line a task: {"id": "t1", "commands": ["echo hello"]})")
                    .blamed_on(failure_class::task));
  account_.tasks = census->ids.size();
  uses_default_image_ = census->uses_default_image;
  for (const auto& [id, passed] : results_.earlier().passed)
    if (census->ids.contains(id)) {
      ++account_.earlier;
      account_.earlier_passed += passed ? 1 : 0;
    }
  if (const auto cut = results_.earlier().cut_bytes; cut > 0)
    tell("repaired the results: a last line that was half written (" + std::to_string(cut) +
             " bytes) is cut off",
         cli::tone::warning);
  if (account_.earlier > 0)
    tell("going on where an earlier run stopped: " + std::to_string(account_.earlier) + " of " +
             std::to_string(account_.tasks) + " tasks have results",
         cli::tone::dim);
  return tasks_.rewind(std::move(census->bad_lines));
}

result<std::optional<task>> batch_job::next_task() {
  for (;;) {
    auto item = tasks_.next();
    if (!item)
      return tl::unexpected(std::move(item.error()));
    if (!*item)
      return std::nullopt;
    auto& read = (*item)->read;
    if (!read)
      tell_bad_line(read.error()); // the file was changed since the first pass
    else if (!results_.earlier().passed.contains(read->id))
      return std::move(*read);
  }
}

result<void> batch_job::keep(const task_result& done) {
  if (auto kept = results_.append(result_line(done)); !kept)
    return kept;
  account_.add(done);
  passed_now_ += done.judged.passed ? 1 : 0;
  return {};
}

void batch_job::interrupted(batch_run& batch, int signal, int count) {
  if (signal_ == 0)
    signal_ = signal;
  account_.interrupted = true;
  const auto running = std::to_string(batch.running());
  if (count == 1) {
    tell("interrupted: " + running + " running tasks may end; once more kills them",
         cli::tone::warning);
    batch.drain();
  } else {
    tell("killing " + running + " running tasks", cli::tone::warning);
    batch.kill();
  }
}

progress_state batch_job::progress() const {
  progress_state state;
  state.total = account_.tasks - account_.earlier;
  state.done = account_.done();
  state.passed = passed_now_;
  state.running = batch_ != nullptr ? batch_->running() : 0;
  state.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  return state;
}

result<void> batch_job::run(engine& runtime, sandbox_spec base, std::size_t concurrency) {
  engine_source source(runtime);
  system_timekeeper time;
  runner_options options;
  options.base = std::move(base);
  options.directory = tasks_.directory();
  options.seed = std::random_device()();
  task_runner runner(source, time, std::move(options));
  batch_run batch(
      runner, [this] { return next_task(); },
      [this](const task_result& done) { return keep(done); });
  result<void> outcome;
  interrupts signals(io_.get_executor(),
                     [&](int signal, int count) { interrupted(batch, signal, count); });
  began_ = std::chrono::steady_clock::now();
  batch_ = &batch;
  display_.begin();
  asio::co_spawn(io_, batch.run(std::min<std::uint64_t>(concurrency, to_do())),
                 [&](const std::exception_ptr& thrown, result<void> ended) {
                   account_.seconds = progress().seconds;
                   display_.end();
                   signals.end();
                   if (thrown)
                     outcome = fail(errc::internal, "the batch threw an exception");
                   else
                     outcome = std::move(ended);
                 });
  io_.run();
  batch_ = nullptr;
  if (auto synced = results_.sync(); !synced && outcome)
    outcome = std::move(synced);
  return outcome;
}

void batch_job::print(const std::string& results_path) const {
  if (context_.output == cli::output_mode::json) {
    std::cout << account_.to_json(results_path) << '\n' << std::flush;
    return;
  }
  std::vector<std::vector<cli::cell>> rows;
  for (auto& [name, value] : account_.rows()) {
    const bool good = account_.passed() == account_.tasks;
    const auto tone = name == "passed" ? (good ? cli::tone::good : cli::tone::warning)
                      : name == "failed" || name == "bad lines" ? cli::tone::bad
                                                                : cli::tone::plain;
    rows.push_back({{name}, {value, tone}});
  }
  rows.push_back({{"results"}, {results_path}});
  cli::print_table(std::cout, {"BATCH", ""}, rows, context_.out);
  rows.clear();
  for (auto& [name, value] : account_.disturbances().rows())
    rows.push_back({{name}, {value}});
  if (!rows.empty()) {
    std::cout << '\n';
    cli::print_table(std::cout, {"NOISE", ""}, rows, context_.out);
  }
  std::cout.flush();
}

int batch_job::status() const {
  if (signal_ != 0)
    return cli::exit_status::of_signal(signal_);
  if (account_.bad_lines > 0)
    return cli::exit_status::engine_failure;
  return account_.passed() == account_.tasks ? cli::exit_status::success
                                             : cli::exit_status::failure;
}

std::size_t concurrency_of(const config::resolved& config, const sandbox_spec& base) {
  if (const auto wanted = config.integer(key::concurrency))
    return static_cast<std::size_t>(*wanted);
  // A limit that nobody asked for is far above what most tasks need.
  const bool asked = config.was_given(key::memory_mb);
  return automatic_concurrency(this_machine(),
                               asked ? base.limits.memory_mb.value_or(usual_sandbox_memory_mb)
                                     : usual_sandbox_memory_mb);
}

} // namespace

result<int> run_batch(const cli::cli_context& context, const std::string& tasks_path,
                      const std::string& results_path) {
  auto settings = context.config.engine_settings();
  if (!settings)
    return tl::unexpected(std::move(settings.error()));
  // A start that failed is an attempt of the task, made again within the task's own budget; unless
  // somebody has asked for more.
  if (context.config.at(key::start_attempts).from.front().layer ==
      config::origin::layer_kind::builtin)
    settings->start_attempts = 1;
  auto base = context.config.base_spec();
  if (!base)
    return tl::unexpected(std::move(base.error()));
  auto tasks = task_file::open(tasks_path);
  if (!tasks)
    return tl::unexpected(std::move(tasks.error()));
  if (std::error_code unknown; std::filesystem::equivalent(tasks_path, results_path, unknown))
    return fail(make_error(errc::invalid_argument,
                           "'" + results_path + "' is given as tasks and as results")
                    .with_hint("give -o another file"));
  auto results = result_file::open(results_path);
  if (!results)
    return tl::unexpected(std::move(results.error()));
  batch_job job(context, std::move(*tasks), std::move(*results));
  if (auto read = job.read_tasks(); !read)
    return tl::unexpected(std::move(read.error()));
  const bool has_work = job.to_do() > 0;
  if (has_work)
    if (auto checked = check_base(*base, job.uses_default_image()); !checked)
      return tl::unexpected(std::move(checked.error()));
  // Even when no task is left: it removes what a run that was killed has left behind.
  auto runtime = engine::create(std::move(*settings));
  if (has_work && !runtime)
    return tl::unexpected(std::move(runtime.error()));
  if (runtime)
    for (const auto& failure : runtime->found_at_start().failures)
      job.warn(failure);
  result<void> outcome;
  if (has_work) {
    const auto concurrency = concurrency_of(context.config, *base);
    outcome = job.run(*runtime, std::move(*base), concurrency);
  }
  job.print(results_path);
  if (!outcome)
    return tl::unexpected(std::move(outcome.error()));
  return job.status();
}

} // namespace sandfleet::batch
