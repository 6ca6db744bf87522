#pragma once

#include "runtime/config/resolve.hpp"

#include <sandfleet/error.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace sandfleet::cli {

/// What the program ends with. 124 to 127 are those of timeout(1), env(1) and docker-run(1): 125
/// says that sandfleet itself, not the command it was given, could not do what was asked; bad
/// flags and bad configuration count as that.
namespace exit_status {
inline constexpr int success = 0;
inline constexpr int failure = 1;
inline constexpr int timed_out = 124;
inline constexpr int engine_failure = 125;
inline constexpr int cannot_execute = 126;
inline constexpr int command_not_found = 127;
inline constexpr int interrupted = 130; ///< SIGINT
inline constexpr int terminated = 143;  ///< SIGTERM
/// For a program that a signal ended.
inline constexpr int of_signal(int number) {
  return 128 + number;
}
} // namespace exit_status

enum class output_mode { table, json };

/// One of our own output streams, as far as presentation goes.
struct stream_look {
  bool terminal = false;
  bool colour = false;
  bool json = false;   ///< JSON objects alone, one a line (json_log.hpp)
  bool quiet = false;  ///< errors alone
  unsigned width = 80; ///< columns; 80 when it is no terminal
};

/// What every subcommand gets. Lives as long as the program.
struct cli_context {
  config::resolved config; ///< flags over environment over file over defaults
  output_mode output = output_mode::table;
  stream_look out;                ///< standard output
  stream_look err;                ///< standard error
  std::vector<std::string> words; ///< what stands behind "--" on the command line
};

/// A part of the program that registers itself. main.cpp attaches all, parses the command line,
/// resolves the configuration, and runs the one that was named.
class subcommand {
 public:
  subcommand() = default;
  virtual ~subcommand() = default;
  subcommand(const subcommand&) = delete;
  subcommand& operator=(const subcommand&) = delete;

  /// Adds its `CLI::App` below `root` and binds its flags to members. Flags that stand for
  /// settings come from `add_setting_flags` (tools/cli/setting_flags.hpp), which puts them into
  /// `flags`; they are read from `cli_context::config`.
  virtual CLI::App* attach(CLI::App& root, config::flag_layer& flags) = 0;

  /// Whether words behind "--" mean something: a command for a sandbox.
  [[nodiscard]] virtual bool takes_command() const { return false; }

  /// Does the work and returns the exit status.
  virtual int run(const cli_context& context) = 0;
};

/// Prints class, message, cause and hint on standard error.
void print_error(const error& failure, const stream_look& look);

/// Sends spdlog's default logger to standard error: time, level, then an event name and key=value
/// pairs; or a JSON object. `level` is a value of the setting log_level.
void set_up_logging(std::string_view level, const stream_look& look);

/// How standard output (1) or standard error (2) should look. `colour` is a value of the setting
/// color: "auto" follows the terminal, NO_COLOR and TERM=dumb.
[[nodiscard]] stream_look look_of(int descriptor, std::string_view colour);

} // namespace sandfleet::cli
