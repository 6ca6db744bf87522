#include "sandbox_agent/exec/children.hpp"

#include "runtime/core/system_text.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unistd.h>

namespace sandfleet::agent {

namespace {

std::set<pid_t>& claimed() {
  static std::set<pid_t> pids;
  return pids;
}

std::optional<std::string> read_proc(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return std::nullopt;
  std::string text;
  char block[4096];
  for (ssize_t got = 0; (got = ::read(fd, block, sizeof block)) > 0;)
    text.append(block, static_cast<std::size_t>(got));
  ::close(fd);
  return text;
}

/// Where the kernel keeps no list of children (CONFIG_PROC_CHILDREN): all processes' parents.
std::vector<pid_t> list_by_parent() {
  std::vector<pid_t> children;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  while (proc) {
    const dirent* entry = ::readdir(proc.get());
    if (!entry)
      break;
    const auto pid = core::parse_pid(entry->d_name);
    const auto text =
        pid ? read_proc(std::string("/proc/") + entry->d_name + "/stat") : std::nullopt;
    const auto stat = text ? core::parse_process_stat(*text) : std::nullopt;
    if (stat && stat->parent == ::getpid())
      children.push_back(*pid);
  }
  return children;
}

} // namespace

void claim_child(pid_t pid) {
  claimed().insert(pid);
}

void release_child(pid_t pid) {
  claimed().erase(pid);
}

bool is_claimed(pid_t pid) {
  return claimed().contains(pid);
}

std::vector<pid_t> list_children() {
  const auto listed = read_proc("/proc/self/task/" + std::to_string(::getpid()) + "/children");
  return listed ? core::parse_pids(*listed) : list_by_parent();
}

} // namespace sandfleet::agent
