#include "runtime/core/cgroup_removal.hpp"
#include "runtime/core/cgroup_usage.hpp"
#include "runtime/core/text.hpp"
#include "sandbox_agent/launcher/cgroup.hpp"
#include "sandbox_agent/launcher/file_text.hpp"
#include "sandbox_agent/launcher/unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>

namespace sandfleet::launcher {

namespace {

constexpr std::int64_t mib = 1 << 20;
constexpr std::int64_t cpu_period_us = 100'000;

std::string dir_in(const cgroup_hierarchy& hierarchy, const std::string& id) {
  return hierarchy.own_dir + "/sandfleet-" + id;
}

/// Even when nothing is limited: memory and cpuacct count, freezer pauses, and in a cpu group of
/// its own a sandbox has one share of the machine, however many processes it has.
bool is_wanted(const cgroup_hierarchy& hierarchy, const resource_limits& limits) {
  return hierarchy.has("memory") || hierarchy.has("cpuacct") || hierarchy.has("freezer") ||
         hierarchy.has("cpu") || (hierarchy.has("pids") && limits.pids);
}

/// Whether the agent stays outside, where the caller is.
bool is_for_commands(const cgroup_hierarchy& hierarchy) {
  return (hierarchy.has("cpu") || hierarchy.has("pids")) && !hierarchy.has("memory") &&
         !hierarchy.has("freezer");
}

std::string reason(int error_number) {
  if (error_number == EACCES || error_number == EPERM || error_number == EROFS)
    return "this user may not make control groups";
  return std::strerror(error_number);
}

class cgroup_v1 final : public control_group {
 public:
  ~cgroup_v1() override = default;

  /// 0 or an errno.
  int add(const cgroup_hierarchy& hierarchy, const std::string& dir) {
    if (::mkdir(dir.c_str(), 0755) != 0)
      return errno;
    dirs_.push_back(dir);
    unique_fd tasks(::open((dir + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
    if (!tasks)
      return errno;
    if (is_for_commands(hierarchy)) {
      unique_fd outside(::open((hierarchy.own_dir + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
      if (!outside)
        return errno;
      for_commands_.push_back(std::move(tasks));
      outside_.push_back(std::move(outside));
    } else {
      for_all_.push_back(std::move(tasks));
    }
    if (hierarchy.has("memory"))
      memory_events_ =
          unique_fd(::open((dir + "/memory.oom_control").c_str(), O_RDONLY | O_CLOEXEC));
    for (const auto& controller : hierarchy.controllers)
      by_controller_.emplace_back(controller, dir);
    return 0;
  }

  [[nodiscard]] std::string dir_of(std::string_view controller) const {
    for (const auto& [name, dir] : by_controller_)
      if (name == controller)
        return dir;
    return {};
  }

  [[nodiscard]] std::vector<int> commands_files() const override {
    std::vector<int> files;
    for (const auto& file : for_commands_)
      files.push_back(file.get());
    return files;
  }

  [[nodiscard]] int enter() const override {
    const int failed = enter_by(for_all_);
    return failed != 0 ? failed : enter_by(for_commands_);
  }

  [[nodiscard]] int leave_commands() const override { return enter_by(outside_); }

  [[nodiscard]] int memory_events_file() const override { return memory_events_.get(); }

  [[nodiscard]] resource_usage usage() const override {
    return core::cgroup_usage(dirs_, read_text);
  }

  [[nodiscard]] bool can_pause() const override { return !dir_of("freezer").empty(); }

  [[nodiscard]] result<void> set_paused(bool paused) override {
    const std::string wanted = paused ? "FROZEN" : "THAWED";
    const auto file = dir_of("freezer") + "/freezer.state";
    if (!can_pause())
      return fail(errc::unsupported, "this sandbox cannot be paused: it has no freezer");
    if (const int failed = write_text(file, wanted))
      return fail(errno_error(errc::io_error, "cannot pause or resume the sandbox", failed));
    // Version 1 has no event for this; tasks freeze within a tick or two.
    constexpr timespec tick{0, 500'000};
    for (int i = 0; i < 2'000; ++i) {
      if (core::trim(read_text(file)) == wanted)
        return {};
      ::nanosleep(&tick, nullptr);
    }
    (void)write_text(file, "THAWED");
    return fail(errc::timed_out, "the sandbox's processes did not freeze");
  }

  std::vector<std::string> remove() override {
    for (auto* files : {&for_all_, &for_commands_, &outside_})
      files->clear();
    memory_events_.reset();
    std::erase_if(dirs_, core::remove_cgroup);
    return dirs_;
  }

 private:
  /// "0" to `tasks` moves the writing thread alone: unlike any other way in, the kernel takes no
  /// lock for it that waits for all processors.
  static int enter_by(const std::vector<unique_fd>& files) {
    for (const auto& file : files)
      if (::write(file.get(), "0", 1) != 1)
        return errno;
    return 0;
  }

  std::vector<std::string> dirs_;
  std::vector<unique_fd> for_all_;
  std::vector<unique_fd> for_commands_;
  std::vector<unique_fd> outside_; ///< where the caller is, in the order of `for_commands_`
  unique_fd memory_events_;
  std::vector<std::pair<std::string, std::string>> by_controller_;
};

/// Sets a value, and notes whether that worked.
void enforce(limits_report& report, const char* limit, const std::string& dir,
             std::initializer_list<std::pair<const char*, std::int64_t>> values,
             const std::string& why_not) {
  if (dir.empty()) {
    report[limit] = "unenforced: " + why_not;
    return;
  }
  for (const auto& [file, value] : values)
    if (const int failed = write_text(dir + "/" + file, std::to_string(value))) {
      report[limit] = "unenforced: " + reason(failed);
      return;
    }
  report[limit] = "enforced";
}

} // namespace

std::vector<std::string> detail::planned_v1(const std::vector<cgroup_hierarchy>& hierarchies,
                                            const std::string& id, const resource_limits& limits) {
  std::vector<std::string> dirs;
  for (const auto& hierarchy : hierarchies)
    if (is_wanted(hierarchy, limits))
      dirs.push_back(dir_in(hierarchy, id));
  return dirs;
}

made_cgroup detail::make_cgroup_v1(const std::vector<cgroup_hierarchy>& hierarchies,
                                   const std::string& id, const resource_limits& limits) {
  auto group = std::make_unique<cgroup_v1>();
  std::string why_not = "the kernel has no such controller";
  for (const auto& hierarchy : hierarchies)
    if (is_wanted(hierarchy, limits))
      if (const int failed = group->add(hierarchy, dir_in(hierarchy, id)))
        why_not = reason(failed);

  made_cgroup made;
  auto& report = made.limits;
  if (limits.memory_mb) {
    const auto dir = group->dir_of("memory");
    const auto bytes = *limits.memory_mb * mib;
    enforce(report, "memory_mb", dir, {{"memory.limit_in_bytes", bytes}}, why_not);
    // Where swap is accounted for, it must not make the limit larger. The kernel counts no failures
    // against this second limit: by the MiB it is not the one that is met.
    if (!dir.empty())
      (void)write_text(dir + "/memory.memsw.limit_in_bytes", std::to_string(bytes + mib));
  }
  if (limits.pids)
    enforce(report, "pids", group->dir_of("pids"), {{"pids.max", *limits.pids}}, why_not);
  if (limits.cpus) {
    const auto quota = std::max<std::int64_t>(
        1'000, static_cast<std::int64_t>(std::llround(*limits.cpus * cpu_period_us)));
    enforce(report, "cpus", group->dir_of("cpu"),
            {{"cpu.cfs_period_us", cpu_period_us}, {"cpu.cfs_quota_us", quota}}, why_not);
  }
  made.group = std::move(group);
  return made;
}

} // namespace sandfleet::launcher
