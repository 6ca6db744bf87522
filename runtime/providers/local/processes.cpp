#include "runtime/providers/local/processes.hpp"

#include "runtime/core/system_text.hpp"
#include "runtime/core/text.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::providers::local {

namespace {

std::string read_proc(pid_t pid, const char* file) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

std::uint64_t start_time_of(pid_t pid) {
  const auto stat = core::parse_process_stat(read_proc(pid, "stat"));
  return stat ? stat->start_time : 0;
}

std::string name_of(pid_t pid) {
  return std::string(core::trim(read_proc(pid, "comm")));
}

process_hold::process_hold(process_hold&& other) noexcept
    : pid_(other.pid_), pidfd_(std::exchange(other.pidfd_, -1)) {}

process_hold& process_hold::operator=(process_hold&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

process_hold::~process_hold() {
  if (pidfd_ >= 0)
    ::close(pidfd_);
}

std::optional<process_hold> process_hold::take(pid_t pid, std::uint64_t start_time) {
  if (pid <= 1)
    return std::nullopt;
  process_hold hold(pid, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Looked at after it is held: the number cannot change its meaning in between.
  if (hold.pidfd_ < 0 || (start_time != 0 && start_time_of(pid) != start_time))
    return std::nullopt;
  return hold;
}

void process_hold::kill() const noexcept {
  send(SIGKILL);
}

void process_hold::send(int signal) const noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd_, signal, nullptr, 0);
}

int process_hold::duplicate() const {
  return ::fcntl(pidfd_, F_DUPFD_CLOEXEC, 0);
}

bool process_hold::wait_until(std::chrono::steady_clock::time_point deadline) const {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ended{pidfd_, POLLIN, 0};
    const int count = ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    if (count > 0)
      return true;
    if (count == 0 || errno != EINTR)
      return false;
  }
}

std::vector<pid_t> processes_with_environment(const std::string& line) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const auto pid = core::parse_pid(entry.path().filename().string());
    if (!pid)
      continue;
    const auto environment = read_proc(*pid, "environ");
    const auto lines = core::split(environment, '\0');
    if (std::ranges::find(lines, line) != lines.end())
      found.push_back(*pid);
  }
  return found;
}

} // namespace sandfleet::providers::local
