#include "runtime/transport/child_process.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::transport {
namespace {

namespace asio = boost::asio;

class child_process_test : public ::testing::Test {
 protected:
  child_process start(std::vector<std::string> arguments, std::vector<int> descriptors = {}) {
    child_command command;
    command.program = "/bin/sh";
    command.arguments = std::move(arguments);
    command.descriptors = std::move(descriptors);
    auto started = child_process::start(context_.get_executor(), command);
    if (!started)
      throw std::runtime_error(started.error().to_string());
    return std::move(*started);
  }

  template <class T>
  T run(asio::awaitable<T> work) {
    auto future = asio::co_spawn(context_, std::move(work), asio::use_future);
    context_.restart();
    context_.run();
    return future.get();
  }

  std::string read_all(child_process& child) {
    std::string text;
    std::array<char, 256> buffer{};
    for (;;) {
      const auto n = run(child.read(buffer));
      if (!n || *n == 0)
        return text;
      text.append(buffer.data(), *n);
    }
  }

  asio::io_context context_;
};

TEST_F(child_process_test, reads_and_writes_and_tells_the_status) {
  auto child = start({"-c", "read line; echo \"got $line\"; echo bad >&2; exit 3"});
  ASSERT_TRUE(run(child.write("text\n")));
  EXPECT_EQ(read_all(child), "got text\nbad\n");
  const auto status = run(child.wait());
  ASSERT_TRUE(status);
  EXPECT_TRUE(WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 3);
}

TEST_F(child_process_test, a_killed_child_is_seen) {
  auto child = start({"-c", "echo up; exec sleep 1000"});
  std::array<char, 16> buffer{};
  ASSERT_TRUE(run(child.read(buffer)));
  child.kill(SIGKILL);
  const auto status = run(child.wait());
  ASSERT_TRUE(status);
  EXPECT_TRUE(WIFSIGNALED(*status));
  EXPECT_EQ(WTERMSIG(*status), SIGKILL);
}

TEST_F(child_process_test, the_stream_is_a_lifeline_that_no_sibling_holds) {
  auto first = std::make_optional(start({"-c", "cat >/dev/null; kill -USR1 $$"}));
  auto sibling = start({"-c", "read forever"});
  auto waiting = std::move(*first);
  const auto pid = waiting.id();
  { const auto closed = std::move(waiting); }
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid) << "it ends when this side is closed";
  EXPECT_EQ(WTERMSIG(status), SIGUSR1);
  sibling.kill(SIGKILL);
  EXPECT_TRUE(run(sibling.wait()));
}

TEST_F(child_process_test, gives_the_named_descriptors_and_no_others) {
  const int given = ::memfd_create("given", MFD_CLOEXEC);
  ASSERT_EQ(::write(given, "inside", 6), 6);
  ::lseek(given, 0, SEEK_SET);
  const int leaky = ::open("/dev/null", O_RDONLY); // without close-on-exec
  auto child = start({"-c", "cat <&3; echo; ls /proc/self/fd | tr '\\n' ' '"}, {given});
  // ls itself holds 4, the directory that it lists.
  EXPECT_EQ(read_all(child), "inside\n0 1 2 3 4 ");
  EXPECT_TRUE(run(child.wait()));
  ::close(given);
  ::close(leaky);
}

TEST_F(child_process_test, signals_are_as_usual_in_the_child) {
  ::signal(SIGPIPE, SIG_IGN);
  auto child = start({"-c", "sed -n 's/^SigIgn:[[:space:]]*//p' /proc/self/status"});
  const auto ignored = std::stoull(read_all(child), nullptr, 16);
  EXPECT_EQ(ignored & 0x7fff'ffffU, 0U) << "above are the C library's own";
  EXPECT_TRUE(run(child.wait()));
}

TEST_F(child_process_test, a_missing_program_is_a_failed_start) {
  child_command command;
  command.program = "/nowhere/program";
  const auto started = child_process::start(context_.get_executor(), command);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::start_failed);
  EXPECT_NE(started.error().message.find("/nowhere/program"), std::string::npos);
}

} // namespace
} // namespace sandfleet::transport
