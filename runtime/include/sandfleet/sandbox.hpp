#pragma once

#include <sandfleet/action.hpp>
#include <sandfleet/error.hpp>
#include <sandfleet/ids.hpp>
#include <sandfleet/listing.hpp>
#include <sandfleet/status.hpp>
#include <sandfleet/terminal.hpp>
#include <sandfleet/usage.hpp>
#include <sandfleet/workspace.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet {

namespace engine_detail {
struct access;
}

/// What is known of a sandbox once it is gone.
struct stop_report {
  resource_usage usage;
  std::optional<error> failure; ///< set when it had ended before it was asked to
};

/// A handle to one running sandbox; cheap to copy. Dropping it does not stop the sandbox.
/// Errors of every call: `sandbox_lost` or `out_of_memory` with the provider's evidence when the
/// sandbox ended, `timed_out`, `cancelled`, `connection_failed`, `limit_exceeded`.
class sandbox {
 public:
  /// A handle to nothing, for containers and futures. Only assignment and destruction are allowed.
  sandbox() = default;

  [[nodiscard]] const sandbox_id& id() const;
  [[nodiscard]] sandbox_state state() const;
  [[nodiscard]] const limits_report& limits() const;
  [[nodiscard]] const std::string& workspace() const;
  /// By which addresses ports inside are reached, as when it was started or attached.
  [[nodiscard]] const std::vector<published_port>& ports() const;

  /// Runs a text in a bash session. Commands of one session run one at a time, in order; sessions
  /// run side by side. A time-out is a result (`timed_out`), and its whole process tree is dead.
  boost::asio::awaitable<result<command_result>> run(command_request request);

  /// The same with the defaults of `command_request`.
  boost::asio::awaitable<result<command_result>> run(std::string command);

  /// Runs a program beside the sessions.
  boost::asio::awaitable<result<exec_result>> exec(exec_request request);

  /// The same with outputs handed over as they arrive (first argument: 1 standard output,
  /// 2 standard error), unbounded; `out` and `err` of the result stay empty.
  boost::asio::awaitable<result<exec_result>>
  exec(exec_request request, std::function<void(int, std::string_view)> on_output);

  /// The same with standard input taken piece by piece from `next_input`, of any size, as the
  /// program reads it; an empty piece is its end, a failure the call's. `stdin_bytes` must be
  /// empty. Without `on_output` the outputs are kept as by the first form.
  boost::asio::awaitable<result<exec_result>>
  exec(exec_request request, std::function<void(int, std::string_view)> on_output,
       std::function<boost::asio::awaitable<result<std::string>>()> next_input);

  /// Starts a program on a terminal of its own, for somebody who types. Errors also: `not_found`
  /// and `permission_denied` for the program or the directory.
  boost::asio::awaitable<result<terminal>> open_terminal(terminal_request request);

  /// Writes a file, its missing parent directories included. Relative paths are below the
  /// workspace. `mode` holds permission bits.
  boost::asio::awaitable<result<void>> write_file(std::string path, std::string bytes,
                                                  std::uint32_t mode = 0644);

  /// Reads a regular file of at most `max_bytes`.
  boost::asio::awaitable<result<file_content>> read_file(std::string path,
                                                         std::size_t max_bytes = 64U << 20);

  /// Paths that match a glob(7) pattern, sorted, relative ones below the workspace; a plain path
  /// matches itself when it exists.
  boost::asio::awaitable<result<std::vector<std::string>>> glob(std::string pattern);

  /// Kills every process in the sandbox but the agent itself. Sessions get new shells.
  boost::asio::awaitable<result<void>> kill_processes();

  /// Sets variables of all that is started from now on, and of the shells that run, each at its
  /// next prompt, for which this waits. Names are those that a shell allows: letters, digits and
  /// '_', no digit first.
  boost::asio::awaitable<result<void>>
  set_environment(std::map<std::string, std::string> variables);

  /// Puts a workspace in place: environment, git's identity, a repository, its
  /// `.openhands/setup.sh` and its `.openhands/pre-commit.sh`, in this order. While a repository is
  /// cloned and its script runs the state is `setting_up_workspace`, then `setting_up_git_hooks`,
  /// and in the end, whatever it is, `ready`. What fails ends it, but for a script that fails:
  /// hooks are installed before that is answered. Errors also: `already_exists` (another set-up of
  /// this sandbox is under way, or the repository's directory has something in it), `not_found`
  /// (git, the repository or the branch), `permission_denied` (the repository wants a token),
  /// `invalid_argument` (git or the script fails, with the end of what it printed as evidence), all
  /// of class task; `connection_failed`, class infrastructure, when the repository's host was not
  /// reached.
  boost::asio::awaitable<result<setup_report>> set_up(workspace_setup wanted);

  /// One action in OpenHands' protocol: the JSON of an action, answered by that of an observation.
  boost::asio::awaitable<result<std::string>> execute_action(std::string action_json,
                                                             std::chrono::milliseconds timeout);

  /// Makes the sandbox outlive this engine and its program: it then ends when somebody stops it,
  /// when the machine does, or when `time_to_live` is over, counted from now; 0: without end. Other
  /// programs of this user find it by `engine::list` and `engine::attach`. Asked again, it sets a
  /// new time to live. After a failure the sandbox is what it was. When this program dies at any
  /// point of the call, the sandbox is kept or gone, never forgotten. While this program goes on
  /// without the engine, its launcher stays a zombie after its end.
  boost::asio::awaitable<result<void>> keep(std::chrono::milliseconds time_to_live);

  /// Forgets a sandbox that was kept or attached; it lives on, and this handle is of no more use.
  /// `invalid_argument` for one that is this engine's own.
  boost::asio::awaitable<result<void>> detach();

  /// Holds the sandbox still: its processes are stopped or, with `docker_options::pause_stops`,
  /// ended. Its files stay, and so does its time to live. What is running in it stands still too;
  /// its caller gets `sandbox_paused` when it does not come to an end before its time is over. The
  /// next call resumes the sandbox. Idempotent. Errors: `unsupported` where the provider or the
  /// machine cannot; the sandbox then goes on.
  boost::asio::awaitable<result<void>> pause();

  /// Makes a paused sandbox run again; nothing for one that runs.
  boost::asio::awaitable<result<void>> resume();

  /// Takes the sandbox away. Idempotent. `permission_denied` for another program's.
  boost::asio::awaitable<result<stop_report>> stop();

  struct impl;
  explicit sandbox(std::shared_ptr<impl> made);

 private:
  friend struct engine_detail::access;
  std::shared_ptr<impl> impl_;
};

} // namespace sandfleet
