#include "runtime/providers/local/remains.hpp"

#include "runtime/core/cgroup_removal.hpp"
#include "runtime/core/cgroup_usage.hpp"
#include "runtime/core/system_text.hpp"
#include "runtime/core/text.hpp"
#include "runtime/providers/local/notes.hpp"
#include "runtime/providers/local/processes.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::providers::local {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_control(const std::string& path, const char* text) {
  if (::access(path.c_str(), W_OK) == 0)
    std::ofstream(path) << text;
}

std::vector<std::string> cgroups_of(const remains& left) {
  return noted_cgroups(read_file(left.dir + "/cgroups"), left.id);
}

/// Holds on those of a sandbox's processes that live, as far as they are found at one moment.
class living_processes {
 public:
  explicit living_processes(const remains& left) {
    if (!left.is_of_this_boot)
      return;
    if (left.launcher > 0)
      add(left.launcher, left.launcher_start);
    if (const auto init = noted_init(read_file(left.dir + "/init")))
      add(init->pid, init->start_time);
    for (const auto& dir : cgroups_of(left))
      for (const auto pid : core::parse_pids(read_file(dir + "/cgroup.procs")))
        add(pid, 0);
    if (left.may_have_strays)
      for (const auto pid : processes_with_environment("SANDFLEET_SANDBOX=" + left.id.str()))
        if (pid != ::getpid())
          add(pid, 0);
  }

  [[nodiscard]] bool none() const { return holds_.empty(); }

  [[nodiscard]] std::vector<int> numbers() const {
    std::vector<int> all;
    for (const auto& process : holds_)
      all.push_back(process.id());
    return all;
  }

  void kill() const {
    for (const auto& process : holds_)
      process.kill();
  }

  /// False when some live on at `deadline`.
  [[nodiscard]] bool have_ended(clock::time_point deadline) const {
    return std::ranges::all_of(holds_, [&](const auto& one) { return one.wait_until(deadline); });
  }

 private:
  void add(pid_t pid, std::uint64_t start) {
    if (std::ranges::any_of(holds_, [&](const auto& one) { return one.id() == pid; }))
      return;
    auto held = process_hold::take(pid, start);
    // A dead one may have its number until its parent has looked.
    if (held && !held->wait_until(clock::now()))
      holds_.push_back(std::move(*held));
  }

  std::vector<process_hold> holds_; ///< the launcher first: it must not act on others' deaths
};

void kill_all(const remains& left, const living_processes& processes) {
  processes.kill();
  // What is frozen does not die.
  for (const auto& dir : cgroups_of(left)) {
    write_control(dir + "/freezer.state", "THAWED");
    write_control(dir + "/cgroup.freeze", "0");
  }
}

/// False when some live on at `deadline`. Those that were just forking when they were killed have
/// left children whom nobody had seen: it is looked again until there is none.
bool end_all(const remains& left, living_processes processes, clock::time_point deadline) {
  while (!processes.none()) {
    if (!processes.have_ended(deadline))
      return false;
    processes = living_processes(left);
    kill_all(left, processes);
  }
  return true;
}

void remove_cgroups(const remains& left, removal& told) {
  const auto dirs = cgroups_of(left);
  told.usage = core::cgroup_usage(dirs, read_file);
  for (const auto& dir : dirs)
    if (!core::remove_cgroup(dir) && !told.failure)
      told.failure =
          errno_error(errc::io_error, "cannot remove the control group '" + dir + "'", errno);
}

/// What was made under ids that are not this user's, the launcher can remove.
bool remove_by_launcher(const std::string& launcher_program, const std::string& dir) {
  std::string program = launcher_program;
  std::string option = "--remove";
  std::string path = dir;
  char* argv[] = {program.data(), option.data(), path.data(), nullptr};
  pid_t child = -1;
  if (::posix_spawn(&child, program.c_str(), nullptr, nullptr, argv, environ) != 0)
    return false;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::optional<error> remove_files(const remains& left, const std::string& launcher_program) {
  std::error_code failed;
  fs::remove_all(left.dir, failed);
  if (!failed || remove_by_launcher(launcher_program, left.dir))
    return std::nullopt;
  return errno_error(errc::io_error, "cannot remove '" + left.dir + "'", failed.value());
}

removed_sandbox describe(const remains& left, const living_processes& processes) {
  removed_sandbox what;
  what.id = left.id;
  what.processes = processes.numbers();
  for (auto& dir : cgroups_of(left))
    if (::access(dir.c_str(), F_OK) == 0)
      what.control_groups.push_back(std::move(dir));
  what.directory = left.dir;
  return what;
}

} // namespace

bool is_frozen(const remains& of) {
  return std::ranges::any_of(cgroups_of(of), [](const std::string& dir) {
    return core::trim(read_file(dir + "/freezer.state")) == "FROZEN" ||
           core::trim(read_file(dir + "/cgroup.freeze")) == "1";
  });
}

removed_sandbox look_at(const remains& left) {
  return describe(left, living_processes(left));
}

std::vector<removal> remove_remains(std::span<const remains> left,
                                    const std::string& launcher_program,
                                    std::chrono::milliseconds patience) {
  std::vector<living_processes> processes;
  std::vector<removal> removals;
  for (const auto& one : left) {
    const auto& found = processes.emplace_back(one);
    removals.emplace_back().what = describe(one, found);
    kill_all(one, found);
  }
  const auto deadline = clock::now() + patience;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (!end_all(left[i], std::move(processes[i]), deadline))
      removals[i].failure = make_error(errc::timed_out, "a process of the sandbox " +
                                                            left[i].id.str() + " does not die");
    remove_cgroups(left[i], removals[i]);
    // Its entry stays while something of it does, so that it is found again.
    if (!removals[i].failure)
      removals[i].failure = remove_files(left[i], launcher_program);
  }
  return removals;
}

} // namespace sandfleet::providers::local
