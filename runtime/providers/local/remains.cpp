#include "runtime/providers/local/remains.hpp"

#include "runtime/core/cgroup_usage.hpp"
#include "runtime/core/text.hpp"
#include "runtime/providers/local/processes.hpp"

#include <cerrno>
#include <ctime>
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

/// The launcher's note, of which only what is named after the sandbox is believed.
std::vector<std::string> cgroups_of(const remains& left) {
  std::vector<std::string> dirs;
  const auto text = read_file(left.dir + "/cgroups");
  for (const auto line : core::split(text, '\n'))
    if (line.starts_with('/') && line.ends_with("/sandfleet-" + left.id.str()))
      dirs.emplace_back(line);
  return dirs;
}

void hold(pid_t pid, std::uint64_t start, std::vector<process_hold>& holds) {
  if (auto held = process_hold::take(pid, start))
    holds.push_back(std::move(*held));
}

/// "PID START" as the launcher noted it.
void hold_init(const remains& left, std::vector<process_hold>& holds) {
  const auto text = read_file(left.dir + "/init");
  const auto words = core::split(core::trim(text), ' ');
  if (words.size() != 2)
    return;
  const auto pid = core::parse_integer(words[0]);
  const auto start = core::parse_integer(words[1]);
  if (pid && start && *start > 0)
    hold(static_cast<pid_t>(*pid), static_cast<std::uint64_t>(*start), holds);
}

/// The launcher first: it must not act on the death of the others.
void kill_processes(const remains& left, std::vector<process_hold>& holds) {
  if (!left.is_of_this_boot)
    return;
  if (left.launcher > 0)
    hold(left.launcher, left.launcher_start, holds);
  hold_init(left, holds);
  for (const auto& dir : cgroups_of(left)) {
    const auto members = read_file(dir + "/cgroup.procs");
    for (const auto line : core::split(members, '\n'))
      if (const auto pid = core::parse_integer(line))
        hold(static_cast<pid_t>(*pid), 0, holds);
  }
  if (left.may_have_strays)
    for (const auto pid : processes_with_environment("SANDFLEET_SANDBOX=" + left.id.str()))
      if (pid != ::getpid())
        hold(pid, 0, holds);
  for (const auto& process : holds)
    process.kill();
  // What is frozen does not die.
  for (const auto& dir : cgroups_of(left)) {
    write_control(dir + "/freezer.state", "THAWED");
    write_control(dir + "/cgroup.freeze", "0");
  }
}

resource_usage remove_cgroups(const remains& left) {
  constexpr int attempts = 200;
  constexpr timespec pause{0, 1'000'000};
  const auto dirs = cgroups_of(left);
  auto used = core::cgroup_usage(dirs, read_file);
  for (const auto& dir : dirs)
    for (int i = 0; i < attempts && ::rmdir(dir.c_str()) != 0 && errno == EBUSY; ++i)
      ::nanosleep(&pause, nullptr); // until the kernel no longer counts the dead
  return used;
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

} // namespace

std::vector<removal> remove_remains(std::span<const remains> left,
                                    const std::string& launcher_program,
                                    std::chrono::milliseconds patience) {
  std::vector<std::vector<process_hold>> holds(left.size());
  for (std::size_t i = 0; i < left.size(); ++i)
    kill_processes(left[i], holds[i]);
  const auto deadline = clock::now() + patience;
  std::vector<removal> removals(left.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    for (const auto& process : holds[i])
      if (!process.wait_until(deadline))
        removals[i].failure = make_error(errc::timed_out, "a process of the sandbox " +
                                                              left[i].id.str() + " does not die");
    holds[i].clear();
    removals[i].usage = remove_cgroups(left[i]);
    // Its entry stays while something of it lives, so that it is found again.
    if (!removals[i].failure)
      removals[i].failure = remove_files(left[i], launcher_program);
  }
  return removals;
}

} // namespace sandfleet::providers::local
