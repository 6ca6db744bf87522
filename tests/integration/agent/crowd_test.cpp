#include "tests/integration/agent/agent_process.hpp"
#include "tests/support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <sys/resource.h>
#include <vector>

using namespace agent_test;

namespace {

/// While it lives this process, and what it starts, may hold that many files.
class file_limit {
 public:
  explicit file_limit(rlim_t files) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto now = before_;
    now.rlim_cur = std::min(files, before_.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~file_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  file_limit(const file_limit&) = delete;
  file_limit& operator=(const file_limit&) = delete;

 private:
  rlimit before_{};
};

/// Connections of which nothing more comes: some silent, some in mid-head, some in mid-body.
std::vector<connection> idle_crowd(const agent_process& agent, int count) {
  const std::vector<std::string> begun{"", "POST /execute_action HTTP/1.1\r\nX-Head: ",
                                       "POST /execute_action HTTP/1.1\r\n" + agent.key_header() +
                                           "Content-Length: 100\r\n\r\n{"};
  std::vector<connection> crowd;
  for (int i = 0; i < count; ++i) {
    crowd.push_back(agent.connect());
    const auto& part = begun[static_cast<std::size_t>(i) % begun.size()];
    if (!part.empty())
      crowd.back().send(part);
  }
  return crowd;
}

void expect_actions_answered(const agent_process& agent, int count) {
  for (int i = 0; i < count; ++i)
    EXPECT_EQ(member(agent.run_action("echo " + std::to_string(i)).body, "content"),
              std::to_string(i));
}

} // namespace

TEST(agent_crowd, thousands_of_idle_clients_do_not_hold_up_actions) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < 8192)
    GTEST_SKIP() << "this process may hold " << files.rlim_max << " files at most";
  const file_limit many(8192);
  agent_process agent;
  const auto crowd = idle_crowd(agent, 3000);
  expect_actions_answered(agent, 20);
}

TEST(agent_crowd, with_few_descriptors_actions_go_on) {
  const auto agent = [] {
    const file_limit few(48);
    return std::make_unique<agent_process>();
  }();
  const auto crowd = idle_crowd(*agent, 300);
  expect_actions_answered(*agent, 20);
}

TEST(agent_crowd, descriptors_that_run_out_later_come_back) {
  if (sandfleet::tests::is_sanitized)
    GTEST_SKIP() << "a sanitizer that cannot open a pipe takes every object for a broken one";
  agent_process agent;
  const rlimit few{24, 24};
  ASSERT_EQ(::prlimit(agent.server_pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  {
    const auto crowd = idle_crowd(agent, 300);
    expect_actions_answered(agent, 5);
  }
  expect_actions_answered(agent, 5);
}

TEST(agent_crowd, a_client_that_leaves_in_mid_upload_leaves_no_file) {
  agent_process agent;
  std::filesystem::create_directory(agent.workspace() + "/up");
  for (const std::string name : {"plain.txt", "archive.zip"}) {
    auto gone = agent.connect();
    gone.send("POST /upload_file?destination=" + agent.workspace() + "/up HTTP/1.1\r\n" +
              agent.key_header() +
              "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n" +
              "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name +
              "\"\r\n\r\n" + std::string(100'000, 'x'));
  }
  auto gone = agent.connect();
  gone.send("PUT /file?path=up/put HTTP/1.1\r\n" + agent.key_header() +
            "Content-Length: 1000000\r\n\r\n" + std::string(100'000, 'x'));
  { const auto left = std::move(gone); }
  expect_actions_answered(agent, 5);
  EXPECT_TRUE(std::filesystem::is_empty(agent.workspace() + "/up"));
}
