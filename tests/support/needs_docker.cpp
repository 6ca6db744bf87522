#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

// Linked into programs whose tests want a Docker engine with the images of docker_engine.py: where
// there is none they are skipped.
namespace {

class needs_docker : public ::testing::Environment {
 public:
  void SetUp() override {
    const char* provider = std::getenv("SANDFLEET_TEST_PROVIDER");
    if (!provider || std::string(provider) != "docker")
      return;
    if (std::system("docker image inspect sandfleet-test/bash:1 >/dev/null 2>&1") != 0)
      GTEST_SKIP() << "[  SKIPPED ] no Docker engine with the tests' images answers "
                      "(tests/support/docker_engine.py says why)";
  }
};

[[maybe_unused]] auto* const registered = ::testing::AddGlobalTestEnvironment(new needs_docker);

} // namespace
