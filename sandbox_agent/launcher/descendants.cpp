#include "sandbox_agent/launcher/descendants.hpp"

#include "runtime/core/system_text.hpp"
#include "sandbox_agent/launcher/file_text.hpp"

#include <cerrno>
#include <csignal>
#include <dirent.h>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace sandfleet::launcher {

namespace {

/// Each process's parent.
std::map<pid_t, pid_t> parents() {
  std::map<pid_t, pid_t> found;
  const auto close = [](DIR* d) { ::closedir(d); };
  const std::unique_ptr<DIR, decltype(close)> proc(::opendir("/proc"), close);
  while (proc) {
    const auto* entry = ::readdir(proc.get()); // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr)
      break;
    const auto pid = core::parse_pid(entry->d_name);
    if (!pid)
      continue;
    const auto stat =
        core::parse_process_stat(read_text(std::string("/proc/") + entry->d_name + "/stat"));
    if (stat && !stat->dead())
      found[*pid] = stat->parent;
  }
  return found;
}

std::set<pid_t> descendants_of(pid_t root) {
  const auto parent = parents();
  std::multimap<pid_t, pid_t> children;
  for (const auto& [pid, above] : parent)
    children.emplace(above, pid);
  std::set<pid_t> found;
  std::vector<pid_t> open = {root};
  while (!open.empty()) {
    const auto [first, last] = children.equal_range(open.back());
    open.pop_back();
    for (auto child = first; child != last; ++child)
      if (found.insert(child->second).second)
        open.push_back(child->second);
  }
  return found;
}

} // namespace

void adopt_orphans() noexcept {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void kill_descendants() {
  const auto self = ::getpid();
  std::set<pid_t> stopped;
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto pid : descendants_of(self))
      if (stopped.insert(pid).second) {
        ::kill(pid, SIGSTOP);
        grew = true;
      }
  }
  for (const auto pid : stopped)
    ::kill(pid, SIGKILL);
  // Each death may hand over orphans, dead ones as well: until there is no child at all.
  for (;;) {
    const auto reaped = ::waitpid(-1, nullptr, 0);
    if (reaped < 0 && errno != EINTR)
      return;
  }
}

} // namespace sandfleet::launcher
