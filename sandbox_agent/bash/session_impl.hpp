#pragma once

#include "sandbox_agent/bash/session.hpp"
#include "sandbox_agent/bash/shell.hpp"
#include "sandbox_agent/bash/turn_queue.hpp"
#include "sandbox_agent/memory/memory_group.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace sandfleet::agent {

/// A session's state and what is done in it while one has the turn. `run` and `eval` decide with
/// the pure parts (command_splitter, framing, run_reply) and wait for the shell.
struct bash_session::impl {
  using reply = std::variant<protocol::run_observation, protocol::error_observation>;
  using clock = shell::clock;

  impl(boost::asio::any_io_executor runs_on, session_settings given);

  /// Has a shell at hand, at its prompt or busy; starts one where there is none.
  boost::asio::awaitable<result<void>> ready();
  boost::asio::awaitable<reply> run(protocol::run_action action, output_watcher watcher);
  boost::asio::awaitable<result<command_result>> eval(command_request request);
  void close();

  boost::asio::any_io_executor executor;
  session_settings settings;
  std::shared_ptr<turn_queue> turns;
  std::shared_ptr<shell> current;
  std::string working_dir;

 private:
  enum class wake { prompt, ended, no_change, time_out };
  struct limits {
    clock::time_point hard = clock::time_point::max();
    std::chrono::milliseconds no_change = std::chrono::milliseconds::max();
  };

  boost::asio::awaitable<result<void>> start_shell(bool user_startup);
  boost::asio::awaitable<wake> wait_for_prompt(limits until);
  void type(const std::string& command, bool is_input);
  protocol::run_observation answer(const protocol::run_action& action, const std::string& command,
                                   bool continues, wake why);
  protocol::run_observation not_executed(const protocol::run_action& action,
                                         const std::string& command);
  std::string take_screen(const std::string& echoed, std::string& prefix, bool continued);
  void note_prompt();
  std::string memory_remark(int exit_code);

  std::string marker_;
  bool closed_ = false;
  bool ended_before_ = false; ///< a command ended the shell and no other has been started since
  bool had_shell_ = false;
  oom_counter oom_{nullptr}; ///< from when the command was typed, or was last told of
  bool unanswered_ = false;  ///< a command was still running when it was last reported
  std::string shown_;        ///< of that command, as it was reported
};

} // namespace sandfleet::agent
