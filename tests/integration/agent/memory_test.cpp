#include "runtime/core/cgroup_removal.hpp"
#include "tests/integration/agent/agent_process.hpp"
#include "tests/support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <unistd.h>

using namespace agent_test;
using sandfleet::tests::temporary_directory;

namespace {

constexpr const char* limit = "67108864"; // 64 MiB

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

/// A control group of the test's own below that of the test; its limit is 64 MiB.
class memory_limit {
 public:
  memory_limit() {
    std::stringstream groups(temporary_directory::read("/proc/self/cgroup"));
    for (std::string line; directory_.empty() && std::getline(groups, line);) {
      const auto path = line.substr(line.rfind(':') + 1);
      const auto name = "/sandfleet-memory-test-" + std::to_string(::getpid());
      if (line.find(":memory:") != std::string::npos)
        make("/sys/fs/cgroup/memory" + path + name, "/memory.limit_in_bytes");
      else if (line.starts_with("0::"))
        make("/sys/fs/cgroup" + path + name, "/memory.max");
    }
  }
  ~memory_limit() {
    if (!directory_.empty())
      sandfleet::core::remove_cgroup(directory_);
  }
  memory_limit(const memory_limit&) = delete;
  memory_limit& operator=(const memory_limit&) = delete;

  /// Empty where none could be made.
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  void make(const std::string& directory, const char* file) {
    std::error_code failed;
    if (!std::filesystem::create_directory(directory, failed))
      return;
    if (std::filesystem::exists(directory + file) && write(directory + file, limit)) {
      (void)write(directory + "/memory.swap.max", "0");
      directory_ = directory;
    } else {
      sandfleet::core::remove_cgroup(directory);
    }
  }

  std::string directory_;
};

class agent_memory : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sandfleet::tests::is_sanitized)
      GTEST_SKIP() << "a sanitized agent alone takes more than the limit";
    if (group.directory().empty())
      GTEST_SKIP() << "no control group with a limit of memory can be made here";
  }

  void start(std::map<std::string, std::string> env = {}) {
    agent_process::how how;
    how.wrapper = {"/bin/sh",
                   "-euc",
                   "echo 0 > \"$1/cgroup.procs\"; exec 2>\"$2\"; shift 2; exec \"$@\"",
                   "sh",
                   group.directory(),
                   place / "log"};
    how.env = std::move(env);
    running.emplace(how);
  }

  [[nodiscard]] std::string log() const { return place.read(place / "log"); }

  temporary_directory place;
  memory_limit group;
  std::optional<agent_process> running;
};

constexpr const char* remark =
    "]\\n[The kernel killed 1 process of the sandbox for memory while the "
    "command ran; the limit is 64 MiB.]";
/// Of a pipe tail keeps as much as it is to show.
constexpr const char* too_much = "head -c 200000000 /dev/zero | tail -c 150000000 | wc -c";

} // namespace

TEST_F(agent_memory, kill_for_memory_is_said_once_where_it_happened) {
  start();
  EXPECT_EQ(running->run_action("true").body.find("for memory"), std::string::npos);
  const auto killed = running->run_action(too_much).body;
  EXPECT_NE(killed.find(remark), std::string::npos) << killed;
  EXPECT_NE(killed.find(R"("content":"0")"), std::string::npos) << killed;
  EXPECT_EQ(running->run_action("sh -c 'kill -9 $$'").body.find("for memory"), std::string::npos);
}

TEST_F(agent_memory, exit_code_stays_that_of_a_kill) {
  start();
  const auto killed =
      running->run_action("tail -c 150000000 < <(head -c 200000000 /dev/zero) >/dev/null").body;
  EXPECT_NE(killed.find(R"("exit_code":137)"), std::string::npos) << killed;
  EXPECT_NE(killed.find(remark), std::string::npos) << killed;
}

TEST_F(agent_memory, monitor_tells_of_what_comes_near_the_limit) {
  start({{"RUNTIME_MEMORY_MONITOR", "true"}, {"RUNTIME_MAX_MEMORY_GB", "1"}});
  EXPECT_NE(log().find("Memory monitoring started: warns from 90 % of 64 MiB on"),
            std::string::npos)
      << log();
  // The job keeps 56 MiB from before the action is answered on.
  running->run_action("mkfifo f; { head -c 58720256 /dev/zero; echo > f; exec sleep 1000; } | "
                      "tail -c 150000000 > /dev/null & read x < f");
  EXPECT_NE(log().find("of 64 MiB (9"), std::string::npos) << log();
  EXPECT_NE(log().find(": tail ("), std::string::npos) << log();
  running->run_action("kill %1; wait");
  running->run_action(too_much);
  EXPECT_NE(log().find("the kernel killed 1 process for memory"), std::string::npos) << log();
}
