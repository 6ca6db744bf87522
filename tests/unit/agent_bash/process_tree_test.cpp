#include "sandbox_agent/bash/process_tree.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace sandfleet::agent {
namespace {

bool alive(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  return !line.empty() && line.find(") Z") == std::string::npos;
}

/// A process of a session of its own that runs a text of sh and says by a line on a pipe that it
/// is ready; that line's words are process ids.
class tree {
 public:
  tree(const std::string& text, const std::string& marker) {
    int pipe_ends[2];
    if (::pipe(pipe_ends) != 0)
      std::abort();
    root_ = ::fork();
    if (root_ == 0) {
      ::setsid();
      ::setenv(std::string(tree_marker_name).c_str(), marker.c_str(), 1);
      ::dup2(pipe_ends[1], 3);
      for (int fd = 4; fd < 64; ++fd)
        ::close(fd);
      ::execl("/bin/sh", "sh", "-c", text.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(pipe_ends[1]);
    std::string line;
    for (char byte = 0; ::read(pipe_ends[0], &byte, 1) == 1 && byte != '\n';)
      line += byte;
    ::close(pipe_ends[0]);
    for (std::size_t at = 0; at < line.size();) {
      std::size_t used = 0;
      members.push_back(std::stoi(line.substr(at), &used));
      at += used + 1;
    }
  }
  ~tree() {
    kill_tree(root_);
    ::waitpid(root_, nullptr, 0);
  }
  tree(const tree&) = delete;
  tree& operator=(const tree&) = delete;

  [[nodiscard]] pid_t root() const { return root_; }
  void await_end() const {
    siginfo_t ignored{};
    ::waitid(P_PID, static_cast<id_t>(root_), &ignored, WEXITED | WNOWAIT);
  }
  std::vector<pid_t> members;

 private:
  pid_t root_ = 0;
};

/// A marker that no other test's processes carry.
std::string marker(const std::string& name) {
  return name + std::to_string(::getpid());
}

TEST(process_tree, children_sessions_and_orphans_die_and_strangers_live) {
  tree stranger("sleep 1000 3>&- & echo $$ $! >&3; wait", marker("other"));
  tree subject("sleep 1000 3>&- & a=$!; setsid sleep 1000 3>&- & b=$!; "
               "c=$(sh -c 'setsid sleep 1000 >/dev/null 3>&- & echo $!'); "
               "trap '' TERM INT HUP; echo $$ $a $b $c >&3; wait",
               marker("mine"));
  ASSERT_EQ(subject.members.size(), 4U);
  EXPECT_GE(kill_tree(subject.root(), marker("mine")), 4);
  for (const auto pid : subject.members)
    EXPECT_FALSE(alive(pid)) << pid;
  for (const auto pid : stranger.members)
    EXPECT_TRUE(alive(pid)) << pid;
}

TEST(process_tree, processes_that_keep_forking_do_not_escape) {
  tree subject(
      "f() { while :; do (:) & wait; done; }; f 3>&- & f 3>&- & f 3>&- & echo $$ $! >&3; f",
      marker("forks"));
  kill_tree(subject.root(), marker("forks"));
  EXPECT_EQ(kill_tree(subject.root(), marker("forks")), 0);
  for (const auto pid : subject.members)
    EXPECT_FALSE(alive(pid)) << pid;
}

TEST(process_tree, orphans_are_found_by_their_marker_alone) {
  pid_t orphan = 0;
  {
    tree subject("setsid sh -c 'echo $$ >&3; exec sleep 1000 3>&-' &", marker("gone"));
    ASSERT_EQ(subject.members.size(), 1U);
    orphan = subject.members.front();
    subject.await_end();
  }
  EXPECT_TRUE(alive(orphan));
  EXPECT_EQ(kill_tree(0, marker("gone")), 1);
  EXPECT_FALSE(alive(orphan));
}

TEST(process_tree, the_caller_is_never_a_member) {
  EXPECT_EQ(kill_tree(0), 0);
  EXPECT_EQ(kill_tree(1), 0);
  EXPECT_EQ(kill_tree(::getpid()), 0);
}

} // namespace
} // namespace sandfleet::agent
