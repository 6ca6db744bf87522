#include "tools/cli/machine_checks.hpp"

#include "runtime/core/text.hpp"
#include "tools/cli/trial.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <pwd.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <system_error>
#include <unistd.h>

namespace sandfleet::cli {

namespace {

/// From linux/magic.h.
constexpr long cgroup2_magic = 0x63677270;

/// Enough for 1,000 sandboxes: about three processes and eight descriptors each, and room.
constexpr std::int64_t comfortable_pids = 32'768;
constexpr rlim_t comfortable_descriptors = 16'384;

std::string read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string errno_text(int number) {
  return std::generic_category().message(number);
}

bool in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (const auto directory : core::split(path == nullptr ? "/usr/bin:/bin" : path, ':'))
    if (::access((std::string(directory) + "/" + program).c_str(), X_OK) == 0)
      return true;
  return false;
}

finding check_kernel() {
  utsname name{};
  ::uname(&name);
  const std::string release = name.release;
  const auto parts = core::split(release, '.');
  const auto major = core::parse_integer(parts[0]).value_or(0);
  const auto minor =
      parts.size() < 2
          ? 0
          : core::parse_integer(parts[1].substr(0, parts[1].find_first_not_of("0123456789")))
                .value_or(0);
  finding f{"kernel", health::good, "Linux " + release, {}};
  // Overlay file systems may be mounted in a user namespace since 5.11.
  if (major < 5 || (major == 5 && minor < 11)) {
    f.state = health::limited;
    f.hint = "Linux 5.11 or newer lets sandboxes of plain users write anywhere";
  }
  return f;
}

finding check_user_namespaces() {
  finding f{"user namespaces", health::good, "a trial worked", {}};
  if (const int failure = try_user_namespace(); failure != 0) {
    f.state = health::missing;
    f.detail = "a trial failed: " + errno_text(failure);
    if (read_line("/proc/sys/kernel/unprivileged_userns_clone") == "0")
      f.hint = "sysctl -w kernel.unprivileged_userns_clone=1";
    else if (read_line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
      f.hint = "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
    else if (read_line("/proc/sys/user/max_user_namespaces") == "0")
      f.hint = "sysctl -w user.max_user_namespaces=65536";
    else
      f.hint = "in a container: start it with --security-opt seccomp=unconfined; a chroot "
               "cannot have them; or use --isolation none, which isolates nothing";
  }
  return f;
}

/// Ids that /etc/subuid or /etc/subgid gives to the user: "NAME-OR-ID:FIRST:COUNT" lines.
std::int64_t subordinate_ids(const std::string& path, const std::string& user) {
  std::ifstream file(path);
  std::int64_t most = 0;
  for (std::string line; std::getline(file, line);) {
    const auto parts = core::split(line, ':');
    if (parts.size() == 3 && (parts[0] == user || parts[0] == std::to_string(::geteuid())))
      most = std::max(most, core::parse_integer(core::trim(parts[2])).value_or(0));
  }
  return most;
}

finding check_id_range() {
  constexpr std::int64_t wanted = 65'536;
  if (::geteuid() == 0)
    return {"user ids", health::good, "root: a sandbox can have 65536 ids of its own", {}};
  const auto* entry = ::getpwuid(::geteuid());
  const std::string user = entry == nullptr ? std::to_string(::geteuid()) : entry->pw_name;
  if (!in_path("newuidmap") || !in_path("newgidmap"))
    return {"user ids", health::limited,
            "newuidmap is not there: a sandbox has one id, programs that change it fail",
            "apt install uidmap"};
  if (subordinate_ids("/etc/subuid", user) < wanted ||
      subordinate_ids("/etc/subgid", user) < wanted)
    return {"user ids", health::limited, "no range in /etc/subuid and /etc/subgid for " + user,
            "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + user};
  return {"user ids", health::good, "newuidmap and ranges for " + user, {}};
}

finding check_overlay() {
  auto scratch = (std::filesystem::temp_directory_path() / "sandfleet-doctor-XXXXXX").string();
  if (::mkdtemp(scratch.data()) == nullptr)
    return {"overlay", health::limited, "no temporary directory: " + errno_text(errno), {}};
  const int failure = try_overlay(scratch);
  ::rmdir(scratch.c_str());
  if (failure == 0)
    return {"overlay", health::good, "a trial in a user namespace worked", {}};
  return {"overlay", health::limited, "a trial in a user namespace failed: " + errno_text(failure),
          "sandboxes see system directories read-only; Linux 5.11 or newer has it"};
}

/// Where each controller of cgroup v1 has this process, "/sys/fs/cgroup/memory/...".
std::optional<std::string> v1_directory(const std::string& controller) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto parts = core::split(line, ':');
    if (parts.size() < 3)
      continue;
    for (const auto name : core::split(parts[1], ','))
      if (name == controller) {
        const std::string mount = "/sys/fs/cgroup/" + std::string(parts[1]);
        const auto own = mount + line.substr(line.find(':', line.find(':') + 1) + 1);
        return ::access(own.c_str(), F_OK) == 0 ? own : mount;
      }
  }
  return std::nullopt;
}

std::string v2_directory() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::"))
      return "/sys/fs/cgroup" + (line.size() > 4 ? line.substr(3) : std::string{});
  return "/sys/fs/cgroup";
}

finding check_cgroups() {
  struct statfs mounted {};
  const bool v2 = ::statfs("/sys/fs/cgroup", &mounted) == 0 && mounted.f_type == cgroup2_magic;
  std::string usable;
  std::string unusable;
  const auto own = v2_directory();
  const auto offered = v2 ? " " + read_line(own + "/cgroup.controllers") + " " : std::string{};
  for (const std::string controller : {"cpu", "memory", "pids"}) {
    const auto v1 = v2 ? std::nullopt : v1_directory(controller);
    const bool ok = v2 ? offered.find(" " + controller + " ") != std::string::npos &&
                             ::access(own.c_str(), W_OK) == 0
                       : v1 && ::access(v1->c_str(), W_OK) == 0;
    auto& list = ok ? usable : unusable;
    list += (list.empty() ? "" : ", ") + controller;
  }
  finding f{"cgroups", health::good, std::string(v2 ? "v2" : "v1") + "; writable: ", {}};
  f.detail += usable.empty() ? "none" : usable;
  if (!unusable.empty()) {
    f.state = health::limited;
    f.detail += "; not writable: " + unusable;
    f.hint = "limits without a controller do not hold; start as root, or below a delegated cgroup: "
             "systemd-run --user --scope -p Delegate=yes sandfleet ...";
  }
  return f;
}

finding check_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const auto text = [](rlim_t value) {
    return value == RLIM_INFINITY ? std::string("unlimited") : std::to_string(value);
  };
  finding f{"open files",
            health::good,
            text(limit.rlim_cur) + ", can be raised to " + text(limit.rlim_max),
            {}};
  if (limit.rlim_max < comfortable_descriptors) {
    f.state = health::limited;
    f.hint = "1000 sandboxes need more: LimitNOFILE=65536 in systemd, nofile in limits.conf";
  }
  return f;
}

finding check_pid_max() {
  const auto line = read_line("/proc/sys/kernel/pid_max");
  finding f{"process ids", health::good, "pid_max is " + line, {}};
  if (core::parse_integer(line).value_or(0) < comfortable_pids) {
    f.state = health::limited;
    f.hint = "sysctl -w kernel.pid_max=4194304";
  }
  return f;
}

finding check_bash() {
  for (const auto* path : {"/bin/bash", "/usr/bin/bash"})
    if (::access(path, X_OK) == 0)
      return {"bash", health::good, path, {}};
  return {"bash", health::limited, "not there: sessions of the image host use sh",
          "apt install bash"};
}

} // namespace

std::vector<finding> check_machine(bool isolated) {
  std::vector<finding> all = {check_kernel()};
  if (isolated) {
    all.push_back(check_user_namespaces());
    all.push_back(check_id_range());
    all.push_back(check_overlay());
  }
  for (auto* check : {check_cgroups, check_descriptors, check_pid_max, check_bash})
    all.push_back(check());
  return all;
}

} // namespace sandfleet::cli
