#pragma once

#include "bench/action/scratch_directory.hpp"

#include <sandfleet/engine.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace sandfleet::bench {

/// An engine with one sandbox, used as a program that embeds it would.
class engine_sandbox {
 public:
  engine_sandbox();

  /// From a thread outside the engine, which waits for a future. They throw when the call fails.
  command_result run(const std::string& command);
  exec_result exec(const exec_request& request);
  std::string act(const std::string& action_json);

  /// From a coroutine on the engine's own executor, which takes the time itself.
  std::chrono::steady_clock::duration timed_run(const std::string& command,
                                                command_result& outcome);

 private:
  template <class T>
  T wait(boost::asio::awaitable<T> work);

  scratch_directory state_;
  std::optional<engine> engine_;
  sandbox box_;
};

} // namespace sandfleet::bench
