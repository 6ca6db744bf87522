#include "runtime/core/system_text.hpp"
#include "sandbox_agent/bash/process_tree.hpp"
#include "sandbox_agent/exec/children.hpp"
#include "sandbox_agent/exec/reaper.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace sandfleet::agent {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds patience{5'000};

bool is_dead(pid_t pid) {
  char text[2048]; // the kernel writes 52 numbers and a short name
  const int fd = ::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return true;
  const auto got = ::read(fd, text, sizeof text);
  ::close(fd);
  const auto stat =
      core::parse_process_stat({text, static_cast<std::size_t>(std::max<ssize_t>(0, got))});
  return !stat || stat->dead();
}

/// Every descendant is below a child of ours: orphans are given to us, the subreaper.
int kill_descendants() {
  const auto deadline = clock::now() + patience;
  int killed = 0;
  while (clock::now() < deadline) {
    auto living = list_children();
    std::erase_if(living, is_dead);
    if (living.empty())
      break;
    for (const auto pid : living)
      killed += kill_tree(pid);
  }
  return killed;
}

} // namespace

int kill_everything() {
  return ::getpid() == 1 ? kill_all_others(static_cast<int>(patience.count())) : kill_descendants();
}

} // namespace sandfleet::agent
