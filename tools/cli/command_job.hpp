#pragma once

#include "tools/cli/context.hpp"
#include "tools/cli/foreground.hpp"
#include "tools/cli/input_stream.hpp"
#include "tools/cli/interrupt.hpp"
#include "tools/cli/run_report.hpp"

#include <sandfleet/engine.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace sandfleet::cli {

/// Passes output on to our own as it comes. Called on one thread at a time.
class output_relay {
 public:
  output_relay(foreground& work, const interrupt_watch& watch) : work_(work), watch_(watch) {}

  void operator()(int stream, std::string_view bytes);

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

/// One command in a sandbox, for the user at our standard streams: SIGINT and SIGTERM end it.
class command_job {
 public:
  /// `executor`: the engine's.
  command_job(const cli_context& context, boost::asio::any_io_executor executor);

  [[nodiscard]] foreground& work() { return work_; }
  /// The signal that interrupted it; 0: none.
  [[nodiscard]] int signal() const { return watch_.signal(); }

  /// Has the command read what `--stdin` names; an empty path is no input.
  [[nodiscard]] result<void> take_stdin(const std::string& path);

  /// With the output format json the outputs are captured, otherwise they go to ours.
  [[nodiscard]] result<exec_result> run(sandbox& box, exec_request request);

  /// Completes the report with the outcome, and tells it as the output format says; returns what
  /// the program is to exit with.
  [[nodiscard]] int conclude(result<exec_result> outcome, run_report report) const;

 private:
  [[nodiscard]] int status_of(const run_report& report) const;
  /// Says on standard error what the status does not, unless the user knows: who interrupts, or
  /// stops reading, is told nothing.
  void explain(const run_report& report) const;

  const cli_context& context_;
  boost::asio::any_io_executor executor_;
  foreground work_;
  interrupt_watch watch_;
  output_relay relay_;
  std::unique_ptr<input_stream> input_;
};

} // namespace sandfleet::cli
