#include "sandbox_agent/bash/process_tree.hpp"

#include "runtime/core/system_text.hpp"
#include "sandbox_agent/user/identity.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sandfleet::agent {

namespace {

using clock = std::chrono::steady_clock;

struct process : core::process_stat {
  pid_t pid = 0;
};

std::string read_all(const std::string& path) {
  std::string text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got > 0)
      text.append(buffer, static_cast<std::size_t>(got));
    else if (got == 0 || errno != EINTR)
      break;
  }
  ::close(fd);
  return text;
}

std::optional<process> read_process(pid_t pid) {
  const auto stat = core::parse_process_stat(read_all("/proc/" + std::to_string(pid) + "/stat"));
  return stat ? std::optional(process{*stat, pid}) : std::nullopt;
}

std::optional<std::vector<process>> all_processes() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), &::closedir);
  if (!directory)
    return std::nullopt;
  std::vector<process> found;
  while (const dirent* entry = ::readdir(directory.get())) {
    const auto pid = core::parse_pid(entry->d_name);
    if (const auto one = pid ? read_process(*pid) : std::nullopt)
      found.push_back(*one);
  }
  if (found.empty())
    return std::nullopt; // a /proc of another pid namespace, or none mounted
  return found;
}

bool carries(pid_t pid, std::string_view marker) {
  std::string entry(tree_marker_name);
  entry.append("=").append(marker).push_back('\0');
  const auto path = "/proc/" + std::to_string(pid) + "/environ";
  auto environment = read_all(path);
  if (environment.empty() && runs_as()) {
    const acting_as_user whose_it_is;
    environment = read_all(path);
  }
  for (auto at = environment.find(entry); at != std::string::npos;
       at = environment.find(entry, at + 1)) {
    if (at == 0 || environment[at - 1] == '\0')
      return true;
  }
  return false;
}

/// What is known of a tree; it only grows, since a member stays one when its parent has died.
class tree {
 public:
  tree(pid_t root, std::string_view marker)
      : root_(root > 1 ? root : no_process), marker_(marker) {}

  std::vector<process> living(const std::vector<process>& all) {
    std::unordered_map<pid_t, const process*> by_pid;
    for (const auto& one : all)
      by_pid.emplace(one.pid, &one);
    std::vector<process> members;
    for (const auto& one : all) {
      if (!one.dead() && one.pid != ::getpid() && belongs(one, by_pid))
        members.push_back(one);
    }
    return members;
  }

 private:
  bool belongs(const process& one, const std::unordered_map<pid_t, const process*>& by_pid) {
    std::unordered_set<pid_t> seen;
    pid_t oldest = one.pid;
    for (const process* at = &one; at && seen.insert(at->pid).second;) {
      if (at->pid == root_ || at->session == root_ || members_.count(key(*at)) != 0) {
        members_.insert(key(one));
        return true;
      }
      if (at->pid == ::getpid() || at->pid == 1)
        break;
      oldest = at->pid;
      const auto above = by_pid.find(at->parent);
      at = above == by_pid.end() ? nullptr : above->second;
    }
    // A daemon's parent has gone; the environment that it was given tells whose it is, or, where
    // it was cleaned, that of the daemon at the head of its own branch.
    if (!marker_.empty() && (carries(one.pid, marker_) ||
                             (oldest != one.pid && oldest != 1 && carries(oldest, marker_)))) {
      members_.insert(key(one));
      return true;
    }
    return false;
  }

  static std::uint64_t key(const process& one) {
    return (one.start_time << 22U) ^ static_cast<std::uint64_t>(one.pid);
  }

  static constexpr pid_t no_process = -1;

  pid_t root_;
  std::string_view marker_;
  std::unordered_set<std::uint64_t> members_;
};

/// Opens the very process that was seen; -1 when it has gone, its number perhaps taken by another.
int open_same(const process& seen) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, seen.pid, 0));
  if (fd < 0)
    return -1;
  const auto now = read_process(seen.pid);
  if (now && now->start_time == seen.start_time)
    return fd;
  ::close(fd);
  return -1;
}

void send(const process& seen, int signal) {
  const int fd = open_same(seen);
  if (fd < 0)
    return;
  if (::syscall(SYS_pidfd_send_signal, fd, signal, nullptr, 0) != 0 && errno == EPERM) {
    const acting_as_user whose_it_is;
    ::syscall(SYS_pidfd_send_signal, fd, signal, nullptr, 0);
  }
  ::close(fd);
}

/// Processes that a number below 0 names, or 0: also those of the user of `run_as`, whom root may
/// not signal without the capability for it.
bool signal_all(pid_t whom, int signal) {
  const bool any = ::kill(whom, signal) == 0;
  if (!runs_as())
    return any;
  const acting_as_user whose_they_are;
  return ::kill(whom, signal) == 0 || any;
}

void await_death(const process& seen, int patience_ms) {
  const int fd = open_same(seen);
  if (fd < 0)
    return;
  pollfd readable{fd, POLLIN, 0};
  ::poll(&readable, 1, patience_ms);
  ::close(fd);
}

/// Who is the root of a tree, and whether that may be taken for no more than a part of another.
std::map<pid_t, bool>& roots() {
  static std::map<pid_t, bool> expendable_by_pid;
  return expendable_by_pid;
}

bool is_only_root(pid_t root) {
  return std::ranges::all_of(
      roots(), [&](const auto& entry) { return entry.first == root || entry.second; });
}

int time_left(clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

/// Whether a process has ended, or does within that time.
bool ends(pid_t pid, int patience_ms) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0)
    return true;
  pollfd ended{fd, POLLIN, 0};
  const bool done = ::poll(&ended, 1, patience_ms) > 0;
  ::close(fd);
  return done;
}

/// By their numbers alone: what /proc says of a process that is just becoming another program has
/// to wait for it, and it for a processor that too many want.
std::vector<pid_t> living_others() {
  std::vector<pid_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), &::closedir);
  const dirent* entry = nullptr;
  while (directory && (entry = ::readdir(directory.get())) != nullptr) {
    const auto pid = core::parse_pid(entry->d_name);
    if (pid && *pid != ::getpid() && !ends(*pid, 0))
      found.push_back(*pid);
  }
  return found;
}

/// After SIGSTOP was sent a fork of that process does not complete any more (the kernel restarts
/// it), so a scan that finds nobody unsignalled has found all. A process may leave a stop again
/// only by SIGCONT of another one, which is then stopped, or of a stranger, for which the bound is.
std::vector<process> stop_all(tree& members) {
  constexpr int rounds = 1000;
  std::unordered_set<pid_t> signalled;
  std::vector<process> living;
  for (int round = 0; round < rounds; ++round) {
    const auto all = all_processes();
    if (!all)
      return {};
    living = members.living(*all);
    bool settled = true;
    for (const auto& one : living) {
      if (!signalled.insert(one.pid).second)
        continue;
      settled = false;
      send(one, SIGSTOP);
    }
    if (settled)
      break;
  }
  return living;
}

} // namespace

tree_root::tree_root(pid_t pid) : pid_(pid) {
  roots()[pid_] = false;
}

tree_root::~tree_root() {
  roots().erase(pid_);
}

void tree_root::set_expendable(bool yes) {
  roots()[pid_] = yes;
}

int kill_all_others(int patience_ms) {
  const auto deadline = clock::now() + std::chrono::milliseconds(patience_ms);
  std::unordered_set<pid_t> killed;
  for (;;) {
    const auto living = living_others();
    if (!signal_all(-1, SIGKILL) || living.empty())
      break;
    for (const auto pid : living) {
      killed.insert(pid);
      (void)ends(pid, time_left(deadline));
    }
    if (clock::now() >= deadline)
      break;
  }
  return static_cast<int>(killed.size());
}

int kill_tree(pid_t root, std::string_view marker, int patience_ms) {
  if (root == ::getpid() || (root <= 1 && marker.empty()))
    return 0;
  if (::getpid() == 1 && is_only_root(root))
    return kill_all_others(patience_ms);
  const auto deadline = clock::now() + std::chrono::milliseconds(patience_ms);
  if (root > 1)
    signal_all(-root, SIGSTOP); // most of them, and at once
  tree members(root, marker);
  std::unordered_set<pid_t> killed;

  if (!all_processes()) { // no /proc: the process group and the leader are all that can be named
    if (root <= 1)
      return 0;
    signal_all(-root, SIGKILL);
    signal_all(root, SIGKILL);
    return 1;
  }
  for (;;) {
    const auto living = stop_all(members);
    if (living.empty())
      break;
    for (const auto& one : living) {
      killed.insert(one.pid);
      send(one, SIGKILL);
    }
    for (const auto& one : living)
      await_death(one, time_left(deadline));
    if (clock::now() >= deadline)
      break;
  }
  return static_cast<int>(killed.size());
}

} // namespace sandfleet::agent
