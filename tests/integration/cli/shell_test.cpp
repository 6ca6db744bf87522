#include "tests/integration/cli/program.hpp"
#include "tests/support/user_terminal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::test {
namespace {

using testing::HasSubstr;

bool same(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag &&
         a.c_lflag == b.c_lflag && std::memcmp(a.c_cc, b.c_cc, sizeof a.c_cc) == 0;
}

/// `sandfleet shell`, driven on a terminal as by its user.
class shell_command : public testing::Test {
 protected:
  shell_command() {
    around_.environment["SANDFLEET_STATE_DIR"] = state_.path();
    environment_ = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                    {"HOME", "/nonexistent"},
                    {"TERM", "xterm"},
                    {"SANDFLEET_STATE_DIR", state_.path()}};
  }
  ~shell_command() override {
    (void)run_sandfleet({"stop", "--all"}, around_);
    (void)run_sandfleet({"gc"}, around_);
  }

  [[nodiscard]] user_terminal shell(std::vector<std::string> words = {},
                                    window_size size = {}) const {
    words.insert(words.begin(),
                 {std::string(std::getenv("SANDFLEET_BIN")) + "/sandfleet", "shell"});
    return user_terminal(words, environment_, size);
  }

  /// Waits until nothing of a sandbox is left.
  void expect_nothing_left() const {
    std::error_code ignored;
    EXPECT_TRUE(std::filesystem::is_empty(state_.path() + "/sandboxes", ignored));
  }

  scratch_directory state_;
  surroundings around_;
  std::map<std::string, std::string> environment_;
};

TEST_F(shell_command, passes_keys_sizes_and_the_exit_status_on) {
  auto user = shell({}, {35, 101});
  ASSERT_TRUE(user.shows("/workspace# "));
  user.type("stty size; echo $TERM\r");
  EXPECT_TRUE(user.shows("35 101"));
  EXPECT_TRUE(user.shows("xterm"));
  user.resize({50, 160});
  user.type("until [ \"$(stty size)\" = '50 160' ]; do :; done; echo resized\r");
  EXPECT_TRUE(user.shows("\rresized\r\n"));
  user.type("echo $((40 + 2)) | cat - /dev/tty\r");
  ASSERT_TRUE(user.shows("\r42\r\n")); // it reads the terminal now
  user.type("\x03");
  ASSERT_TRUE(user.shows("# "));
  user.type("echo status $?\r");
  EXPECT_TRUE(user.shows("status 130"));
  user.type("exit 7\r");
  EXPECT_EQ(user.wait(), 7);
  expect_nothing_left();
}

TEST_F(shell_command, the_terminal_is_raw_meanwhile_and_as_before_afterwards) {
  auto user = shell();
  const auto before = user.modes();
  ASSERT_TRUE(user.shows("# "));
  EXPECT_EQ(user.modes().c_lflag & (ICANON | ECHO | ISIG), 0U);
  user.type("exit\r");
  EXPECT_EQ(user.wait(), 0);
  EXPECT_TRUE(same(user.modes(), before));
}

TEST_F(shell_command, a_signal_that_ends_it_leaves_the_terminal_as_before) {
  for (const int number : {SIGTERM, SIGHUP, SIGINT}) {
    auto user = shell();
    const auto before = user.modes();
    ASSERT_TRUE(user.shows("# "));
    user.signal(number);
    EXPECT_EQ(user.wait(), 128 + number);
    EXPECT_TRUE(same(user.modes(), before)) << number;
    expect_nothing_left();
  }
}

TEST_F(shell_command, a_kill_leaves_the_terminal_as_before) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto user = shell();
  const auto before = user.modes();
  ASSERT_TRUE(user.shows("# "));
  EXPECT_FALSE(same(user.modes(), before));
  user.signal(SIGKILL);
  EXPECT_EQ(user.wait(), 137);
  // What outlived it for a moment, to tidy up, is ours to wait for.
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  EXPECT_TRUE(same(user.modes(), before));
}

TEST_F(shell_command, the_end_of_the_terminal_ends_it) {
  auto user = shell();
  ASSERT_TRUE(user.shows("# "));
  user.close();
  EXPECT_EQ(user.wait(), 128 + SIGHUP);
  expect_nothing_left();
}

TEST_F(shell_command, a_kept_sandbox_keeps_its_jobs_and_files_between_shells) {
  ASSERT_EQ(run_sandfleet({"run", "--rm=false", "--name", "pet"}, around_).status, 0);
  {
    auto user = shell({"pet"});
    ASSERT_TRUE(user.shows("# "));
    user.type("echo text > file; nohup sleep 1000 >/dev/null 2>&1 &\r");
    user.type("exit 0\r");
    EXPECT_EQ(user.wait(), 0);
  }
  auto user = shell({"pet"});
  ASSERT_TRUE(user.shows("# "));
  user.type("cat file; grep -l nohup /proc/*/environ; pgrep sleep && echo still\r");
  EXPECT_TRUE(user.shows("text"));
  EXPECT_TRUE(user.shows("still\r"));
  user.close();
  EXPECT_EQ(user.wait(), 128 + SIGHUP);
  EXPECT_EQ(run_sandfleet({"exec", "pet", "--", "cat", "file"}, around_).out, "text\n");
}

TEST_F(shell_command, another_program_and_a_sandbox_that_is_kept) {
  auto user = shell({"--rm=false", "--name", "kept", "--", "sh", "-c", "echo on $(tty); exit 3"});
  EXPECT_TRUE(user.shows("on /dev/pts/"));
  EXPECT_TRUE(user.shows("sb-"));
  EXPECT_EQ(user.wait(), 3);
  EXPECT_THAT(run_sandfleet({"ps"}, around_).out, HasSubstr("kept"));
}

TEST_F(shell_command, two_users_share_a_terminal) {
  ASSERT_EQ(run_sandfleet({"run", "--rm=false", "--name", "pet"}, around_).status, 0);
  auto ada = shell({"pet", "--terminal", "pair"}, {40, 120});
  ASSERT_TRUE(ada.shows("# "));
  auto grace = shell({"pet", "--terminal", "pair"}, {30, 100});
  ASSERT_TRUE(grace.shows("# "));
  grace.type("echo $((6 * 7)); stty size\r");
  EXPECT_TRUE(ada.shows("\r42\r\n30 100\r\n"));
  EXPECT_TRUE(grace.shows("\r42\r\n30 100\r\n"));
  ada.type("exit 6\r");
  EXPECT_EQ(ada.wait(), 6);
  EXPECT_EQ(grace.wait(), 6);
  auto wrong = shell({"pet", "--terminal", "a/b"});
  EXPECT_TRUE(wrong.shows("name"));
  EXPECT_EQ(wrong.wait(), 125);
}

TEST_F(shell_command, the_end_of_the_sandbox_is_said) {
  ASSERT_EQ(run_sandfleet({"run", "--rm=false", "--name", "pet"}, around_).status, 0);
  auto user = shell({"pet"});
  const auto before = user.modes();
  ASSERT_TRUE(user.shows("# "));
  ASSERT_EQ(run_sandfleet({"stop", "pet"}, around_).status, 0);
  EXPECT_TRUE(user.shows("another program has stopped it"));
  EXPECT_EQ(user.wait(), 125);
  EXPECT_TRUE(same(user.modes(), before));
}

TEST_F(shell_command, what_is_wrong_is_said) {
  const auto piped = run_sandfleet({"shell"}, around_);
  EXPECT_EQ(piped.status, 125);
  EXPECT_THAT(piped.err, HasSubstr("no terminal"));
  auto user = shell({"--memory", "64", "pet"});
  EXPECT_TRUE(user.shows("--memory is for a fresh sandbox"));
  EXPECT_EQ(user.wait(), 125);
  auto nobody = shell({"nobody"});
  EXPECT_TRUE(nobody.shows("there is no sandbox 'nobody'"));
  EXPECT_EQ(nobody.wait(), 125);
}

} // namespace
} // namespace sandfleet::test
