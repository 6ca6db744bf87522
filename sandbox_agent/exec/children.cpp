#include "sandbox_agent/exec/children.hpp"

#include <cctype>
#include <charconv>
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
    if (!std::isdigit(static_cast<unsigned char>(entry->d_name[0])))
      continue;
    const auto stat = read_proc(std::string("/proc/") + entry->d_name + "/stat");
    const auto name_end = stat ? stat->rfind(") ") : std::string::npos;
    if (name_end == std::string::npos || name_end + 4 >= stat->size())
      continue;
    pid_t parent = 0;
    std::from_chars(stat->data() + name_end + 4, stat->data() + stat->size(), parent);
    if (parent == ::getpid())
      children.push_back(static_cast<pid_t>(std::stol(entry->d_name)));
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
  if (!listed)
    return list_by_parent();
  std::vector<pid_t> children;
  const char* at = listed->data();
  const char* end = at + listed->size();
  while (at < end) {
    pid_t pid = 0;
    const auto [next, ec] = std::from_chars(at, end, pid);
    if (ec == std::errc{})
      children.push_back(pid);
    at = next + 1;
  }
  return children;
}

} // namespace sandfleet::agent
