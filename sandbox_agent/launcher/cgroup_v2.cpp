#include "runtime/core/cgroup_removal.hpp"
#include "runtime/core/cgroup_usage.hpp"
#include "runtime/core/text.hpp"
#include "sandbox_agent/launcher/cgroup.hpp"
#include "sandbox_agent/launcher/file_text.hpp"
#include "sandbox_agent/launcher/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::launcher {

namespace {

constexpr std::int64_t mib = 1 << 20;
constexpr std::int64_t cpu_period_us = 100'000;
constexpr int freeze_patience_ms = 2'000;

std::string parent_of(const std::string& dir) {
  return dir.substr(0, dir.find_last_of('/'));
}

bool is_writable_group(const std::string& dir) {
  return ::access(dir.c_str(), W_OK) == 0 && ::access((dir + "/cgroup.procs").c_str(), W_OK) == 0;
}

bool has_word(std::string_view text, std::string_view word) {
  const auto words = core::split(core::trim(text), ' ');
  return std::ranges::find(words, word) != words.end();
}

/// A sandbox beside the caller's group would escape what limits the caller.
bool is_unlimited(const std::string& dir) {
  return std::ranges::all_of(std::array{"/memory.max", "/cpu.max"}, [&](const char* file) {
    const auto text = read_text(dir + file);
    return text.empty() || text.starts_with("max"); // empty: the controller is not there
  });
}

class cgroup_v2 final : public control_group {
 public:
  explicit cgroup_v2(std::string dir)
      : dir_(std::move(dir)), fd_(::open(dir_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
        memory_events_(::open((dir_ + "/memory.events").c_str(), O_RDONLY | O_CLOEXEC)) {}

  /// A group of threads, since those are moved without the lock that waits for all processors, and
  /// leave memory to the sandbox's group. Where processes and CPU time are to be limited: there, or
  /// else in the sandbox's own group, the agent included.
  [[nodiscard]] std::string make_commands() {
    auto dir = std::string(dir_).append(core::commands_group);
    if (::mkdir(dir.c_str(), 0755) != 0)
      return dir_;
    commands_ = unique_fd(::open((dir + "/cgroup.threads").c_str(), O_WRONLY | O_CLOEXEC));
    if (commands_ && write_text(dir + "/cgroup.type", "threaded") == 0 &&
        write_text(dir_ + "/cgroup.subtree_control", "+cpu +pids") == 0)
      return dir;
    commands_.reset();
    ::rmdir(dir.c_str());
    return dir_;
  }

  [[nodiscard]] std::vector<int> commands_files() const override {
    return commands_ ? std::vector{commands_.get()} : std::vector<int>{};
  }

  [[nodiscard]] const std::string& dir() const { return dir_; }
  [[nodiscard]] int clone_descriptor() const override { return fd_.get(); }

  [[nodiscard]] int memory_events_file() const override { return memory_events_.get(); }

  [[nodiscard]] resource_usage usage() const override {
    return core::cgroup_usage(std::array{dir_, std::string(dir_).append(core::commands_group)},
                              read_text);
  }

  [[nodiscard]] bool can_pause() const override {
    return ::access((dir_ + "/cgroup.freeze").c_str(), W_OK) == 0;
  }

  [[nodiscard]] result<void> set_paused(bool paused) override {
    const unique_fd events(::open((dir_ + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
    if (const int failed = write_text(dir_ + "/cgroup.freeze", paused ? "1" : "0"))
      return fail(errno_error(errc::io_error, "cannot pause or resume the sandbox", failed));
    // The file reports a change by POLLPRI since it was last read.
    for (;;) {
      if (core::keyed_number(read_text(dir_ + "/cgroup.events"), "frozen", 0) == (paused ? 1 : 0))
        return {};
      pollfd changed{events.get(), POLLPRI, 0};
      if (::poll(&changed, 1, freeze_patience_ms) == 0) {
        (void)write_text(dir_ + "/cgroup.freeze", "0");
        return fail(errc::timed_out, "the sandbox's processes did not freeze");
      }
    }
  }

  std::vector<std::string> remove() override {
    fd_.reset();
    memory_events_.reset();
    const auto commands = std::string(dir_).append(core::commands_group);
    if (std::exchange(commands_, {}) && !core::remove_cgroup(commands))
      return {commands, dir_};
    if (core::remove_cgroup(dir_))
      return {};
    return {dir_};
  }

 private:
  std::string dir_;
  unique_fd fd_;
  unique_fd memory_events_;
  unique_fd commands_;
};

void enforce(limits_report& report, const char* limit, const std::string& dir, const char* file,
             const std::string& value) {
  const int failed = write_text(dir + "/" + file, value);
  if (failed == 0)
    report[limit] = "enforced";
  else if (failed == ENOENT)
    report[limit] = "unenforced: the controller is not delegated to this control group";
  else
    report[limit] = std::string("unenforced: ") + std::strerror(failed);
}

} // namespace

std::string detail::planned_v2(const std::vector<cgroup_hierarchy>& hierarchies,
                               const std::string& id) {
  const auto v2 = std::ranges::find_if(hierarchies, &cgroup_hierarchy::version2);
  if (v2 == hierarchies.end())
    return {};
  // A group with processes cannot hand controllers on to groups below it, except the root: so a
  // caller that has any takes a place beside its own group, when it may.
  const auto& own = v2->own_dir;
  const auto name = "/sandfleet-" + id;
  const bool is_root = ::access((own + "/cgroup.type").c_str(), F_OK) != 0;
  if (is_writable_group(own) &&
      (is_root || has_word(read_text(own + "/cgroup.subtree_control"), "memory")))
    return own + name;
  if (!is_root && is_writable_group(parent_of(own)) && is_unlimited(own))
    return parent_of(own) + name;
  return is_writable_group(own) ? own + name : std::string{};
}

made_cgroup detail::make_cgroup_v2(const std::string& dir, const resource_limits& limits) {
  made_cgroup made;
  const auto control = parent_of(dir) + "/cgroup.subtree_control";
  const auto enabled = read_text(control);
  for (const char* controller : {"memory", "pids", "cpu"})
    if (!has_word(enabled, controller))
      (void)write_text(control, std::string("+") + controller); // the limits below tell
  if (::mkdir(dir.c_str(), 0755) != 0) {
    note_all_unenforced(limits, std::strerror(errno), made.limits);
    return made;
  }
  auto group = std::make_unique<cgroup_v2>(dir);
  if (limits.memory_mb) {
    enforce(made.limits, "memory_mb", dir, "memory.max", std::to_string(*limits.memory_mb * mib));
    (void)write_text(dir + "/memory.swap.max", "0");
  }
  const auto commands = group->make_commands();
  if (limits.pids)
    enforce(made.limits, "pids", commands, "pids.max", std::to_string(*limits.pids));
  if (limits.cpus) {
    const auto quota = std::max<std::int64_t>(
        1'000, static_cast<std::int64_t>(std::llround(*limits.cpus * cpu_period_us)));
    enforce(made.limits, "cpus", commands, "cpu.max",
            std::to_string(quota) + " " + std::to_string(cpu_period_us));
  }
  made.group = std::move(group);
  return made;
}

} // namespace sandfleet::launcher
