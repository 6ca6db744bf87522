#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace sandfleet::tests {

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// True when the process has ended, or ends within ten seconds.
inline bool ends(pid_t pid) {
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0)
    return true;
  pollfd ended{pidfd, POLLIN, 0};
  const int count = ::poll(&ended, 1, 10'000);
  ::close(pidfd);
  return count > 0;
}

/// Directories of control groups that are named after the sandbox.
inline std::vector<std::string> cgroups_of(const std::string& id) {
  namespace fs = std::filesystem;
  std::vector<std::string> found;
  std::error_code ignored;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at("/sys/fs/cgroup", options, ignored), last; at != last;
       at.increment(ignored))
    if (at->path().filename() == "sandfleet-" + id)
      found.push_back(at->path());
  return found;
}

/// What still speaks of a sandbox outside of its directory, a line each: processes in whose
/// environment or mounts it stands, sockets, control groups.
inline std::vector<std::string> traces_of(const std::string& id) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& process : std::filesystem::directory_iterator("/proc", ignored)) {
    const auto path = process.path().string();
    if (std::atoi(process.path().filename().c_str()) == 0)
      continue;
    if (read_file(path + "/environ").find("SANDFLEET_SANDBOX=" + id) != std::string::npos)
      found.push_back("process " + path + ": " + read_file(path + "/cmdline"));
    if (read_file(path + "/mountinfo").find(id) != std::string::npos)
      found.push_back("mount seen by " + path);
  }
  if (read_file("/proc/net/unix").find(id) != std::string::npos)
    found.push_back("socket");
  for (const auto& dir : cgroups_of(id))
    found.push_back("control group " + dir);
  return found;
}

/// Waits for all children of this process, which must be about to end; returns those that live.
/// For a process that adopts orphans (PR_SET_CHILD_SUBREAPER) that is all that it ever started.
inline std::vector<pid_t> living_children() {
  std::vector<pid_t> living;
  for (bool again = true; again && living.empty();) {
    again = false;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream children(thread.path() / "children");
      for (pid_t child = 0; children >> child; again = true)
        if (!ends(child))
          living.push_back(child);
        else
          ::waitpid(child, nullptr, 0); // its orphans have come to us, and are looked at next
    }
  }
  return living;
}

} // namespace sandfleet::tests
