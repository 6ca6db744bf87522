#include "bench/action/engine_sandbox.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
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

asio::awaitable<bool> nothing() {
  co_return true;
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

void engine_sandbox::visit() {
  wait(nothing());
}

} // namespace sandfleet::bench
