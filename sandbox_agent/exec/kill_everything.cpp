#include "runtime/core/system_text.hpp"
#include "sandbox_agent/bash/process_tree.hpp"
#include "sandbox_agent/exec/children.hpp"
#include "sandbox_agent/exec/reaper.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <set>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace sandfleet::agent {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(5);

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

std::vector<pid_t> all_others() {
  std::vector<pid_t> others;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  while (proc) {
    const dirent* entry = ::readdir(proc.get());
    if (!entry)
      break;
    const auto pid = core::parse_pid(entry->d_name);
    if (pid && *pid != ::getpid() && !is_dead(*pid))
      others.push_back(*pid);
  }
  return others;
}

void await_death(pid_t pid, clock::time_point deadline) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0)
    return;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
  pollfd dead{fd, POLLIN, 0};
  ::poll(&dead, 1, std::max(0, static_cast<int>(left)));
  ::close(fd);
}

int kill_as_init() {
  const auto deadline = clock::now() + patience;
  std::set<pid_t> killed;
  for (;;) {
    const auto others = all_others();
    // Even those that came after the list was made; ESRCH: there is nobody else.
    if (::kill(-1, SIGKILL) != 0 || others.empty() || clock::now() >= deadline)
      break;
    for (const auto pid : others) {
      killed.insert(pid);
      await_death(pid, deadline);
    }
  }
  return static_cast<int>(killed.size());
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
  return ::getpid() == 1 ? kill_as_init() : kill_descendants();
}

} // namespace sandfleet::agent
