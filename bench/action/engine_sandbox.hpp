#pragma once

#include "bench/action/scratch_directory.hpp"

#include <sandfleet/engine.hpp>

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

  /// Nothing but the way to the engine's thread and back, which every such call has.
  void visit();

 private:
  template <class T>
  T wait(boost::asio::awaitable<T> work);

  scratch_directory state_;
  std::optional<engine> engine_;
  sandbox box_;
};

} // namespace sandfleet::bench
