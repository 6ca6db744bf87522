#include "tools/cli/command_job.hpp"

#include "tools/cli/streams.hpp"

#include <csignal>
#include <iostream>
#include <unistd.h>

namespace sandfleet::cli {

void output_relay::operator()(int stream, std::string_view bytes) {
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

command_job::command_job(const cli_context& context, boost::asio::any_io_executor executor)
    : context_(context), executor_(std::move(executor)), work_(executor_),
      watch_([this](int) { work_.cancel(); }), relay_(work_, watch_) {}

result<void> command_job::take_stdin(const std::string& path) {
  if (path.empty())
    return {};
  auto file = open_input(path);
  if (!file)
    return fail(file.error());
  input_ = std::make_unique<input_stream>(executor_, std::move(*file));
  return {};
}

result<exec_result> command_job::run(sandbox& box, exec_request request) {
  std::function<void(int, std::string_view)> on_output;
  if (context_.output != output_mode::json)
    on_output = std::ref(relay_);
  auto outcome = input_ ? work_.wait(box.exec(std::move(request), std::move(on_output),
                                              [this] { return input_->next(); }))
                        : work_.wait(on_output ? box.exec(std::move(request), std::move(on_output))
                                               : box.exec(std::move(request)));
  if (relay_.failure() != 0)
    return fail(errno_error(errc::io_error, "the output cannot be written", relay_.failure()));
  return outcome;
}

int command_job::conclude(result<exec_result> outcome, run_report report) const {
  if (outcome) {
    // Who only visits is not told what the sandbox used.
    if (outcome->oom_kills > report.usage.oom_kills.value_or(0))
      report.usage.oom_kills = outcome->oom_kills;
    report.result = std::move(*outcome);
  } else
    report.failure = std::move(outcome.error());
  const int status = status_of(report);
  if (context_.output == output_mode::json)
    std::cout << to_json(report, status) << std::endl;
  explain(report);
  return status;
}

int command_job::status_of(const run_report& report) const {
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

void command_job::explain(const run_report& report) const {
  const auto by_the_command = [this](errc code, const char* message, config::key limit) {
    const auto& setting = config::info(limit);
    print_error(make_error(code, message)
                    .blamed_on(failure_class::agent)
                    .with_cause(std::string(setting.name) + ": " + context_.config.shown(limit))
                    .with_hint(std::string(setting.flag) + " sets the limit"),
                context_.err);
  };
  if (report.failure && watch_.signal() == 0 && !relay_.reader_gone())
    print_error(*report.failure, context_.err);
  if (!report.result || context_.output == output_mode::json)
    return;
  if (report.result->timed_out)
    by_the_command(errc::timed_out, "the command did not end in time", config::key::timeout);
  else if (report.result->exit_code != 0 && report.usage.oom_kills.value_or(0) > 0)
    by_the_command(errc::out_of_memory, "the command ran out of memory", config::key::memory_mb);
}

} // namespace sandfleet::cli
