#pragma once

#include "tests/integration/docker/docker_fixture.hpp"
#include "tests/support/own_docker.hpp"

#include <optional>

namespace sandfleet::tests {

/// An engine of ours over a Docker engine of the test's own.
class own_engine : public docker_fixture {
 protected:
  void SetUp() override {
    if (const auto obstacle = own_docker::obstacle(); !obstacle.empty())
      GTEST_SKIP() << obstacle;
  }

  void TearDown() override {
    engine_.reset();
    daemon_.reset();
  }

  void set_up_with(std::vector<std::string> options, int disk_mb = 0) {
    daemon_.emplace(std::move(options), disk_mb);
    make_engine();
  }

  void make_engine() {
    auto chosen = test_settings(state_.path());
    chosen.provider = provider_name("docker");
    chosen.image = bash;
    auto made = engine::create(std::move(chosen));
    ASSERT_TRUE(made) << made.error().to_string();
    engine_.emplace(std::move(*made));
  }

  static sandbox_spec without_network() {
    sandbox_spec spec;
    spec.network = "none";
    return spec;
  }

  template <class T>
  std::future<T> begin(boost::asio::awaitable<T> work) {
    return boost::asio::co_spawn(engine_->executor(), std::move(work), boost::asio::use_future);
  }

  std::future<result<command_result>> begin_run(sandbox& box, const std::string& command) {
    command_request request;
    request.command = command;
    return begin(box.run(std::move(request)));
  }

  /// What is left of sandboxes, for people to read.
  std::vector<std::string> left() {
    auto found = daemon_->containers();
    for (auto& one : daemon_->container_processes())
      found.push_back(std::move(one));
    for (const auto& one : std::filesystem::directory_iterator(state_.path() + "/docker/sandboxes"))
      found.push_back(one.path());
    return found;
  }

  std::optional<own_docker> daemon_;
};

} // namespace sandfleet::tests
