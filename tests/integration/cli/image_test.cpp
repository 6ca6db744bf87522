#include "tests/integration/cli/program.hpp"

#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <unistd.h>

namespace sandfleet::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// `sandfleet image` with a debootstrap that does what a test wants.
class image_command : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0)
      GTEST_SKIP() << "only root can make a root directory";
    if (::access("/usr/sbin/debootstrap", X_OK) != 0)
      GTEST_SKIP() << "there is no debootstrap (Debian: debootstrap)";
  }

  ended build_with(const std::string& script, std::vector<std::string> further = {}) {
    const auto program = place_.write("bin/debootstrap", "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    surroundings around;
    around.environment["PATH"] = place_ / "bin" + ":/usr/bin:/bin";
    std::vector<std::string> words = {"image", "build", "-o", root()};
    words.insert(words.end(), further.begin(), further.end());
    return run_sandfleet(std::move(words), around);
  }

  [[nodiscard]] std::string root() const { return place_ / "roots/one"; }

  /// What there is beside the root.
  [[nodiscard]] std::size_t in_roots() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator(place_ / "roots"))
      ++count;
    return count;
  }

  scratch_directory place_;
  std::string kept_ = place_.write("roots/.keep", "");
};

TEST_F(image_command, needs_a_place) {
  const auto done = run_sandfleet({"image", "build"});
  EXPECT_EQ(done.status, 125);
  EXPECT_THAT(done.err, HasSubstr("--docker"));
}

TEST_F(image_command, looks_at_a_name_before_it_begins) {
  for (const char* bad : {"Bad Name", "Tools", "tools:", "tools:a b", "a//b", "-a", "a@sha256:0"}) {
    const auto done = run_sandfleet({"image", "build", "--docker", bad});
    EXPECT_EQ(done.status, 125);
    EXPECT_THAT(done.err, HasSubstr("is no image's name")) << bad;
  }
  for (const char* good :
       {"tools", "tools:1", "me/tools__x:1.2-a", "Lab.example:5000/me/tools:T"}) {
    const auto done = build_with("exit 7", {"--docker", good});
    EXPECT_THAT(done.err, Not(HasSubstr("is no image's name"))) << good;
  }
}

TEST_F(image_command, leaves_what_is_there_alone) {
  place_.write("roots/one/file", "text");
  const auto done = build_with("exit 0");
  EXPECT_EQ(done.status, 125);
  EXPECT_THAT(done.err, HasSubstr("exists"));
  EXPECT_EQ(scratch_directory::read(root() + "/file"), "text");
}

TEST_F(image_command, gives_debootstrap_its_words) {
  const auto done = build_with("echo \"$@\"; exit 3", {"--suite", "trixie", "--include",
                                                       "make, gcc", "--mirror", "http://m"});
  EXPECT_EQ(done.status, 125);
  EXPECT_THAT(done.err, HasSubstr("--variant=minbase --include=ca-certificates,curl,git,procps,"
                                  "python3,make,gcc trixie "));
  EXPECT_THAT(done.err, HasSubstr("http://m"));
}

TEST_F(image_command, leaves_nothing_of_what_failed) {
  const auto done = build_with("mkdir \"$4/usr\"; echo 'E: Failed getting release file x'; exit 1");
  EXPECT_EQ(done.status, 125);
  EXPECT_THAT(done.err, HasSubstr("class: infrastructure"));
  EXPECT_THAT(done.err, HasSubstr("--mirror"));
  EXPECT_EQ(in_roots(), 1U);
}

TEST_F(image_command, says_that_a_suite_is_unknown) {
  const auto done =
      build_with("echo 'E: No such script: /usr/share/x'; exit 1", {"--suite", "nonsense"});
  EXPECT_THAT(done.err, HasSubstr("class: task"));
  EXPECT_THAT(done.err, HasSubstr("nonsense"));
}

TEST_F(image_command, can_be_interrupted) {
  const auto program =
      place_.write("bin/debootstrap", "#!/bin/sh\necho begun\nexec cat /dev/zero >/dev/null\n");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  surroundings around;
  around.environment["PATH"] = place_ / "bin" + ":/usr/bin:/bin";
  running building({"image", "build", "-o", root()}, around);
  building.read_errors_until("begun");
  building.send_signal(SIGINT);
  const auto done = building.wait();
  EXPECT_EQ(done.status, 130);
  EXPECT_EQ(in_roots(), 1U);
}

} // namespace
} // namespace sandfleet::test
