#include "bench/action/engine_sandbox.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <stdexcept>
#include <utility>

namespace sandfleet::bench {

namespace asio = boost::asio;

namespace {

template <class T>
T checked(result<T> outcome) {
  if (!outcome)
    throw std::runtime_error(outcome.error().to_string());
  return std::move(*outcome);
}

asio::awaitable<std::chrono::steady_clock::duration> time_run(sandbox box, std::string command,
                                                              command_result& outcome) {
  const auto began = std::chrono::steady_clock::now();
  auto answer = co_await box.run(std::move(command));
  const auto took = std::chrono::steady_clock::now() - began;
  outcome = checked(std::move(answer));
  co_return took;
}

} // namespace

template <class T>
T engine_sandbox::wait(asio::awaitable<T> work) {
  return asio::co_spawn(engine_->executor(), std::move(work), asio::use_future).get();
}

engine_sandbox::engine_sandbox() {
  settings chosen;
  chosen.state_dir = state_.path();
  engine_.emplace(checked(engine::create(std::move(chosen))));
  box_ = checked(wait(engine_->start({})));
}

command_result engine_sandbox::run(const std::string& command) {
  return checked(wait(box_.run(command)));
}

exec_result engine_sandbox::exec(const exec_request& request) {
  return checked(wait(box_.exec(request)));
}

std::string engine_sandbox::act(const std::string& action_json) {
  return checked(wait(box_.execute_action(action_json, std::chrono::minutes(1))));
}

std::chrono::steady_clock::duration engine_sandbox::timed_run(const std::string& command,
                                                              command_result& outcome) {
  return wait(time_run(box_, command, outcome));
}

} // namespace sandfleet::bench
