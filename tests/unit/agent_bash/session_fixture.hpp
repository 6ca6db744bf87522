#pragma once

#include "sandbox_agent/bash/session.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <string>
#include <utility>

namespace sandfleet::agent {

/// A session in a directory of its own with a home without startup files.
class session_test : public ::testing::Test {
 protected:
  session_test() {
    settings_.working_dir = directory_;
    settings_.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                     {"HOME", directory_.string()},
                     {"LANG", "C.UTF-8"}};
    settings_.no_change_timeout = std::chrono::minutes(1);
  }

  template <class T>
  T await(boost::asio::awaitable<T> work) {
    std::promise<T> done;
    auto ready = done.get_future();
    boost::asio::co_spawn(context_, std::move(work),
                          [this, &done](std::exception_ptr thrown, T value) {
                            if (thrown)
                              done.set_exception(thrown);
                            else
                              done.set_value(std::move(value));
                            context_.stop();
                          });
    context_.restart();
    context_.run();
    return ready.get();
  }

  bash_session& session() {
    if (!session_)
      session_ = std::make_unique<bash_session>(context_.get_executor(), settings_);
    return *session_;
  }

  command_result eval(command_request request) {
    auto outcome = await(session().eval(std::move(request)));
    if (!outcome) {
      ADD_FAILURE() << outcome.error().to_string();
      return {};
    }
    return *outcome;
  }

  command_result eval(std::string command) {
    command_request request;
    request.command = std::move(command);
    return eval(std::move(request));
  }

  std::string output(std::string command) { return eval(std::move(command)).output; }

  using reply = std::variant<protocol::run_observation, protocol::error_observation>;

  protocol::run_observation run(protocol::run_action action) {
    auto answer = await(session().run(std::move(action)));
    if (auto* seen = std::get_if<protocol::run_observation>(&answer))
      return *seen;
    ADD_FAILURE() << std::get<protocol::error_observation>(answer).content;
    return {};
  }

  protocol::run_observation run(std::string command) {
    protocol::run_action action;
    action.command = std::move(command);
    return run(std::move(action));
  }

  protocol::run_observation input(std::string text) {
    protocol::run_action action;
    action.command = std::move(text);
    action.is_input = true;
    return run(std::move(action));
  }

  boost::asio::io_context context_{1};
  tests::temporary_directory made_;
  const std::filesystem::path directory_ = made_.path();
  session_settings settings_;
  std::unique_ptr<bash_session> session_;
};

} // namespace sandfleet::agent
