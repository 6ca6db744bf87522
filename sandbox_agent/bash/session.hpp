#pragma once

#include "runtime/protocol/action.hpp"
#include "sandbox_agent/bash/conversation.hpp"

#include <sandfleet/action.hpp>
#include <sandfleet/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <variant>

namespace sandfleet::agent {

class memory_group;

struct session_settings {
  std::string working_dir;
  std::map<std::string, std::string> env; ///< the shell's whole environment, but for what we add
  std::chrono::milliseconds no_change_timeout{10'000};
  std::size_t history_limit = 10'000;   ///< lines
  const memory_group* memory = nullptr; ///< tells of what was killed for memory; outlives sessions
};

/// One interactive shell under a pty: bash, or `sh` where there is no bash. All calls are made from
/// the one thread of the agent; calls of one session are queued and run in order.
class bash_session {
 public:
  bash_session(boost::asio::any_io_executor executor, session_settings settings);
  ~bash_session(); ///< kills the shell and what runs under it
  bash_session(const bash_session&) = delete;
  bash_session& operator=(const bash_session&) = delete;

  /// Starts the shell; completes at its first prompt. `not_found` when there is no shell at all.
  boost::asio::awaitable<result<void>> start();

  /// OpenHands' `run` (time-outs, keys, prefixes and suffixes as the reference has them).
  /// `watcher` is given what programs print until then, as it comes.
  boost::asio::awaitable<std::variant<protocol::run_observation, protocol::error_observation>>
  run(protocol::run_action action, output_watcher watcher = {});

  /// Sends C-c to what runs, or, `force`, kills the shell and all that it started; out of turn.
  /// False when nothing runs.
  boost::asio::awaitable<bool> interrupt(bool force);

  /// A text as one command by `eval`, standard input from a file (`/session/run`). At its
  /// time-out everything that the session started is killed, the shell included.
  boost::asio::awaitable<result<command_result>> eval(command_request request);

  /// The directory of the shell when it last stood at its prompt.
  [[nodiscard]] const std::string& working_dir() const;

  /// The shell's process id, 0 when none runs.
  [[nodiscard]] int shell_pid() const;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace sandfleet::agent
