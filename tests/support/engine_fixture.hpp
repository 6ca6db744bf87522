#pragma once

#include "tests/support/temporary_directory.hpp"

#include <sandfleet/engine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace sandfleet::tests {

/// The directory of the programs under test: beside that of the tests, unless told otherwise.
inline std::string bin_dir() {
  if (const char* dir = std::getenv("SANDFLEET_BIN"))
    return dir;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin";
}

/// Which provider the tests of all of them are run with: SANDFLEET_TEST_PROVIDER, else local.
inline bool tests_with(const char* provider) {
  const char* name = std::getenv("SANDFLEET_TEST_PROVIDER");
  return name && std::string(name) == provider;
}
inline bool tests_docker() {
  return tests_with("docker");
}
inline bool tests_remote() {
  return tests_with("remote");
}

inline settings test_settings(const std::string& state_dir) {
  settings s;
  s.state_dir = state_dir;
  s.agent_program = bin_dir() + "/sandfleet-agent";
  s.launcher_program = bin_dir() + "/sandfleet-launcher";
  if (tests_docker()) {
    s.provider = provider_name("docker");
    s.image = "sandfleet-test/bash:1"; // tests/support/docker_engine.py
  }
  if (tests_remote()) { // tests/support/remote_service.py
    s.provider = provider_name("remote");
    s.remote.api_url = std::getenv("SANDBOX_REMOTE_RUNTIME_API_URL");
    s.remote.api_key = std::getenv("SANDBOX_API_KEY");
  }
  return s;
}

/// An engine over real sandboxes.
class engine_fixture : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = engine::create(test_settings(state_.path()));
    ASSERT_TRUE(made) << made.error().to_string();
    engine_.emplace(std::move(*made));
  }

  /// Runs a call on the engine's own threads and waits for it.
  template <class T>
  T wait_for(boost::asio::awaitable<T> work) {
    return boost::asio::co_spawn(engine_->executor(), std::move(work), boost::asio::use_future)
        .get();
  }

  sandbox start(sandbox_spec spec = {}) {
    auto made = wait_for(engine_->start(std::move(spec)));
    if (!made)
      throw std::runtime_error(made.error().to_string());
    return *made;
  }

  result<command_result> run(sandbox& box, const std::string& command,
                             std::chrono::milliseconds timeout = std::chrono::seconds{60}) {
    command_request request;
    request.command = command;
    request.timeout = timeout;
    return wait_for(box.run(std::move(request)));
  }

  temporary_directory state_;
  std::optional<engine> engine_;
};

} // namespace sandfleet::tests
