#include "tests/integration/cli/program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sandfleet::test {
namespace {

using testing::HasSubstr;

/// A local sandbox and a container, each found without saying whose it is.
class two_providers : public testing::Test {
 protected:
  two_providers() {
    around_.environment["SANDFLEET_STATE_DIR"] = state_.path();
    if (const char* host = std::getenv("DOCKER_HOST"))
      docker_host_ = host;
    reach(docker_host_);
  }
  ~two_providers() override {
    reach(docker_host_);
    sandfleet({"stop", "--all"});
    sandfleet({"gc"});
  }

  void reach(const std::string& docker_host) {
    around_.environment.erase("DOCKER_HOST");
    if (!docker_host.empty())
      around_.environment["DOCKER_HOST"] = docker_host;
  }

  ended sandfleet(std::vector<std::string> words) const {
    return run_sandfleet(std::move(words), around_);
  }

  scratch_directory state_;
  surroundings around_;
  std::string docker_host_;
};

TEST_F(two_providers, are_listed_and_used_as_one_and_a_silent_one_does_not_matter_to_the_other) {
  const auto local = sandfleet({"run", "--rm=false", "--name", "near", "--", "true"});
  ASSERT_EQ(local.status, 0) << local.err;
  const auto docker = sandfleet({"run", "--rm=false", "--name", "boxed", "--provider", "docker",
                                 "--image", "sandfleet-test/busybox:1", "--", "true"});
  ASSERT_EQ(docker.status, 0) << docker.err;
  const auto all = sandfleet({"ps"});
  EXPECT_THAT(all.out, HasSubstr("near"));
  EXPECT_THAT(all.out, HasSubstr("boxed"));
  EXPECT_EQ(sandfleet({"exec", "boxed", "--", "echo", "in"}).out, "in\n");
  EXPECT_EQ(sandfleet({"pause", "boxed"}).status, 0);
  EXPECT_EQ(sandfleet({"resume", "boxed"}).status, 0);

  const auto path = state_.path() + "/silent";
  const int silent = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(silent, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(silent, 16), 0);
  for (const auto& host : {"unix://" + path, std::string("unix:///nowhere")}) {
    reach(host);
    const auto listed = sandfleet({"ps"});
    EXPECT_EQ(listed.status, 0);
    EXPECT_THAT(listed.out, HasSubstr("near"));
    EXPECT_THAT(listed.err, HasSubstr("provider docker"));
    EXPECT_EQ(sandfleet({"exec", "near", "--", "echo", "in"}).out, "in\n");
  }
  EXPECT_EQ(sandfleet({"ps", "--provider", "docker"}).status, 125);
  EXPECT_THAT(sandfleet({"exec", "boxed", "--", "true"}).err, HasSubstr("there may be more"));
  ::close(silent);

  reach(docker_host_);
  EXPECT_EQ(sandfleet({"stop", "boxed"}).status, 0);
  EXPECT_EQ(sandfleet({"stop", "near"}).status, 0);
  EXPECT_EQ(sandfleet({"ps", "--quiet"}).out, "");
}

} // namespace
} // namespace sandfleet::test
