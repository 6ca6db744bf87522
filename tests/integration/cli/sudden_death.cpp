#include "tests/integration/cli/sudden_death.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

namespace sandfleet::test {

namespace fs = std::filesystem;

namespace {

constexpr int patience_ms = 20'000;
constexpr int death_patience_ms = 30'000;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  std::error_code gone;
  const fs::path tasks = "/proc/" + std::to_string(parent) + "/task";
  for (const auto& task : fs::directory_iterator(tasks, gone)) {
    std::ifstream in(task.path() / "children");
    for (pid_t child = 0; in >> child;)
      found.push_back(child);
  }
  return found;
}

pid_t child_named(pid_t parent, std::string_view beginning) {
  for (const auto child : children_of(parent))
    if (text_of("/proc/" + std::to_string(child) + "/comm").starts_with(beginning))
      return child;
  return 0;
}

} // namespace

stop_point::stop_point(std::string path)
    : path_(std::move(path)), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path_.c_str(), 0666) != 0 || ::listen(listener_, SOMAXCONN) != 0)
    throw std::runtime_error("cannot listen on " + path_ + ": " + std::strerror(errno));
}

stop_point::~stop_point() {
  release();
  if (listener_ >= 0)
    ::close(listener_);
  ::unlink(path_.c_str());
}

pid_t stop_point::await() {
  pollfd waiting{listener_, POLLIN, 0};
  if (::poll(&waiting, 1, patience_ms) <= 0)
    return 0;
  stopped_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  // Those that came at the same time, and all who will: their connections end.
  ::close(listener_);
  listener_ = -1;
  ucred who{};
  socklen_t size = sizeof who;
  ::getsockopt(stopped_, SOL_SOCKET, SO_PEERCRED, &who, &size);
  return who.pid;
}

void stop_point::release() {
  if (stopped_ >= 0)
    ::close(stopped_);
  stopped_ = -1;
}

chain chain_below(pid_t engine) {
  chain found;
  found.engine = engine;
  found.launcher = child_named(engine, "sandfleet-launc");
  if (found.launcher == 0)
    return found;
  const auto below = children_of(found.launcher);
  found.init = below.empty() ? 0 : below.front();
  if (found.init == 0)
    return found;
  // Without a pid namespace the first agent is the guardian of the one that has shells.
  const auto guarded = child_named(found.init, "sandfleet-agent");
  found.bash = child_named(guarded != 0 ? guarded : found.init, "bash");
  return found;
}

process_watch::process_watch(pid_t root, whom which) {
  if (which == whom::and_itself)
    hold(root);
  hold_below(root);
}

void process_watch::hold(pid_t pid) {
  if (const int held = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); held >= 0)
    held_.emplace_back(pid, held);
}

void process_watch::hold_below(pid_t parent) {
  for (const auto child : children_of(parent)) {
    hold(child);
    hold_below(child);
  }
}

process_watch::~process_watch() {
  for (const auto& [pid, held] : held_)
    ::close(held);
}

std::string process_watch::survivors() const {
  std::string left;
  for (const auto& [pid, held] : held_) {
    pollfd ended{held, POLLIN, 0};
    if (::poll(&ended, 1, death_patience_ms) <= 0)
      left += text_of("/proc/" + std::to_string(pid) + "/status").substr(0, 200) + "\n";
  }
  return left;
}

std::set<std::string> sandboxes_in(const std::string& state_dir) {
  std::set<std::string> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(state_dir + "/sandboxes", none))
    found.insert(entry.path().filename());
  return found;
}

std::string left_on_machine(const std::string& state_dir, const std::set<std::string>& sandboxes) {
  std::string left;
  if (text_of("/proc/self/mountinfo").find(state_dir) != std::string::npos)
    left += "a mount below " + state_dir + "\n";
  std::error_code ignored;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at("/sys/fs/cgroup", options, ignored), last; at != last;
       at.increment(ignored))
    for (const auto& id : sandboxes)
      if (at->path().filename() == "sandfleet-" + id)
        left += "control group " + at->path().string() + "\n";
  for (const auto& process : fs::directory_iterator("/proc", ignored)) {
    const auto environment = text_of(process.path() / "environ");
    for (const auto& id : sandboxes)
      if (environment.find("SANDFLEET_SANDBOX=" + id) != std::string::npos)
        left += "process " + process.path().string() + " of " + id + "\n";
  }
  return left;
}

std::string left_behind(const std::string& state_dir, const std::set<std::string>& sandboxes) {
  auto left = left_on_machine(state_dir, sandboxes);
  for (const char* dir : {"/sandboxes", "/owners"}) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(state_dir + dir, none))
      left += "entry " + entry.path().string() + "\n";
  }
  return left;
}

} // namespace sandfleet::test
