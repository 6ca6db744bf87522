#include "sandbox_agent/memory/memory_monitor.hpp"

#include "runtime/core/system_text.hpp"
#include "sandbox_agent/log.hpp"

#include <algorithm>
#include <cmath>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace asio = boost::asio;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

namespace {

constexpr std::int64_t near_percent = 90;
constexpr std::chrono::seconds between_warnings{10};
constexpr std::chrono::seconds between_looks{1};
constexpr std::size_t most_named = 5;
/// Someone stood still for 20 ms of 2 s: a shorter window takes privilege.
constexpr std::string_view stall = "some 20000 2000000";

std::string read_file(const std::string& path) {
  std::array<char, 8192> text{};
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto got = ::read(file.get(), text.data(), text.size());
  return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string();
}

/// False where the event loop cannot wait for it.
template <class Begin>
bool take(asio::posix::stream_descriptor& into, unique_fd file, Begin begin) {
  error_code failed;
  if (file.get() >= 0)
    into.assign(file.get(), failed);
  if (file.get() < 0 || failed)
    return false;
  (void)file.release();
  begin();
  return true;
}

std::string name_in(std::string_view status) {
  constexpr std::string_view head = "Name:\t";
  if (!status.starts_with(head))
    return "?";
  return std::string(status.substr(head.size(), status.find('\n') - head.size()));
}

std::vector<pid_t> processes_in_sight() {
  std::vector<pid_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  while (const dirent* entry = proc ? ::readdir(proc.get()) : nullptr)
    if (const auto pid = core::parse_pid(entry->d_name))
      found.push_back(*pid);
  return found;
}

} // namespace

std::vector<process_memory> processes_by_memory(std::vector<pid_t> processes) {
  if (processes.empty())
    processes = processes_in_sight();
  std::vector<process_memory> found;
  for (const auto pid : processes) {
    const auto status = read_file("/proc/" + std::to_string(pid) + "/status");
    if (const auto resident = core::named_number(status, "VmRSS"); resident && pid != ::getpid())
      found.push_back({pid, name_in(status), *resident * 1024});
  }
  std::ranges::sort(found, std::greater(), &process_memory::resident);
  return found;
}

std::string memory_report(std::int64_t used, std::int64_t limit,
                          const std::vector<process_memory>& processes) {
  const auto percent =
      limit > 0 ? std::llround(100.0 * static_cast<double>(used) / static_cast<double>(limit)) : 0;
  auto text = "[Memory usage] " + size_text(used) + " of " + size_text(limit) + " (" +
              std::to_string(percent) + " %)";
  const char* between = ": ";
  for (std::size_t i = 0; i < std::min(processes.size(), most_named); ++i) {
    const auto& one = processes[i];
    text += between + one.name + " (" + std::to_string(one.pid) + ") " + size_text(one.resident);
    between = ", ";
  }
  return text;
}

memory_monitor::memory_monitor(asio::any_io_executor executor, const memory_group& group,
                               std::optional<std::int64_t> limit)
    : pressure_(executor), events_(executor), group_(group), limit_(limit) {}

void memory_monitor::start() {
  started_ = true;
  kills_ = group_.oom_kills().value_or(0);
  const bool stalls = wait_for_stalls();
  const bool events = wait_for_events() || wait_for_threshold();
  log(log_level::info,
      "Memory monitoring started: warns from " + std::to_string(near_percent) + " % of " +
          size_text(total()) + " on, " +
          (stalls   ? events ? "at stalls and events of the control group" : "at stalls"
           : events ? "at events of the control group"
                    : "after actions alone: the kernel tells nothing here"));
}

/// The group's own, else the machine's.
bool memory_monitor::wait_for_stalls() {
  for (const auto& path :
       {group_.directory() + "/memory.pressure", std::string("/proc/pressure/memory")}) {
    unique_fd file(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    // With the zero at its end, as the kernel wants it.
    if (file.get() < 0 || ::write(file.get(), stall.data(), stall.size() + 1) < 0)
      continue;
    if (take(pressure_, std::move(file), [this] { on_stall(); }))
      return true;
  }
  return false;
}

void memory_monitor::on_stall() {
  pressure_.async_wait(asio::posix::descriptor_base::wait_error, [this](error_code ec) {
    if (ec)
      return;
    check();
    on_stall();
  });
}

/// Version 2: the kernel says when the limit was met and when it has killed.
bool memory_monitor::wait_for_events() {
  // A copy: reading the group's own is what makes the next report come.
  unique_fd file(::fcntl(group_.reporting_file(), F_DUPFD_CLOEXEC, 0));
  return take(events_, std::move(file), [this] { on_event(); });
}

void memory_monitor::on_event() {
  events_.async_wait(asio::posix::descriptor_base::wait_error, [this](error_code ec) {
    if (ec)
      return;
    check();
    on_event();
  });
}

/// Version 1: the kernel says when that much is in use.
bool memory_monitor::wait_for_threshold() {
  if (group_.directory().empty())
    return false;
  const unique_fd usage(
      ::open((group_.directory() + "/memory.usage_in_bytes").c_str(), O_RDONLY | O_CLOEXEC));
  const unique_fd control(
      ::open((group_.directory() + "/cgroup.event_control").c_str(), O_WRONLY | O_CLOEXEC));
  unique_fd told(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (usage.get() < 0 || control.get() < 0 || told.get() < 0)
    return false;
  const auto order = std::to_string(told.get()) + " " + std::to_string(usage.get()) + " " +
                     std::to_string(total() / 100 * near_percent);
  return ::write(control.get(), order.data(), order.size()) >= 0 &&
         take(events_, std::move(told), [this] { on_threshold(); });
}

void memory_monitor::on_threshold() {
  events_.async_read_some(asio::buffer(buffer_), [this](error_code ec, std::size_t) {
    if (ec)
      return;
    check();
    on_threshold();
  });
}

void memory_monitor::look() {
  const auto now = clock::now();
  if (!started_ || now - looked_ < between_looks)
    return;
  looked_ = now;
  check();
}

std::int64_t memory_monitor::total() const {
  const auto machine =
      core::named_number(read_file("/proc/meminfo"), "MemTotal").value_or(0) * 1024;
  return std::min({machine, group_.limit().value_or(machine), limit_.value_or(machine)});
}

void memory_monitor::check() {
  const auto kills = group_.oom_kills().value_or(0);
  if (const auto more = kills - std::exchange(kills_, kills); more > 0)
    log(log_level::warning, "[Memory usage] the kernel killed " + std::to_string(more) +
                                (more == 1 ? " process" : " processes") + " for memory" +
                                (group_.counts_the_machine() ? " on this machine" : ""));
  const auto now = clock::now();
  if (warned_ != clock::time_point() && now - warned_ < between_warnings)
    return;
  const auto limit = total();
  std::vector<process_memory> processes;
  auto used = group_.in_use();
  if (!used) {
    processes = processes_by_memory(group_.processes());
    used = 0;
    for (const auto& one : processes)
      *used += one.resident;
  }
  if (*used / near_percent < limit / 100)
    return;
  warned_ = now;
  if (processes.empty())
    processes = processes_by_memory(group_.processes());
  log(log_level::warning, memory_report(*used, limit, processes));
}

} // namespace sandfleet::agent
