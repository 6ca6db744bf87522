#include "tests/integration/cli/program.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <unistd.h>

namespace sandfleet::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* image = "sandfleet-test/own:1";

/// A root out of Debian's packages, and one sandbox of each provider on it.
TEST(real_image, has_what_agents_need) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root can make a root directory";
  if (::access("/usr/sbin/debootstrap", X_OK) != 0)
    GTEST_SKIP() << "there is no debootstrap (Debian: debootstrap)";
  const scratch_directory place;
  const auto root = place / "root";
  const bool docker = std::system("docker version >/dev/null 2>&1") == 0;
  std::vector<std::string> words = {"image", "build", "-o", root};
  if (docker)
    words.insert(words.end(), {"--docker", image});
  const auto made = run_sandfleet(words);
  if (made.status != 0 && made.err.find("is http") != std::string::npos)
    GTEST_SKIP() << "no mirror of Debian is reached from here:\n" << made.err;
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("rootfs:" + root + "\n"));

  const auto check = [](std::vector<std::string> where) {
    std::vector<std::string> run = {"run"};
    run.insert(run.end(), where.begin(), where.end());
    run.insert(run.end(),
               {"--", "bash", "-c",
                "git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q "
                "--allow-empty -m x && git log --oneline | wc -l && python3 -c 'print(6 * 7)' && "
                "curl --version | head -c 4 && echo && id -nu 1000 && ps -p 1 >/dev/null"});
    return run_sandfleet(run);
  };
  const auto local = check({"--image", "rootfs:" + root});
  EXPECT_EQ(local.status, 0) << local.err;
  EXPECT_EQ(local.out, "1\n42\ncurl\nopenhands\n");
  if (!docker)
    GTEST_SKIP() << "no Docker engine answers: the image was not tried";
  const auto contained = check({"--provider", "docker", "--image", image});
  EXPECT_EQ(contained.status, 0) << contained.err;
  EXPECT_EQ(contained.out, "1\n42\ncurl\nopenhands\n");
  EXPECT_EQ(std::system("docker rmi sandfleet-test/own:1 >/dev/null"), 0);
}

} // namespace
} // namespace sandfleet::test
