#include "sandbox_agent/memory/memory_group.hpp"

#include "runtime/core/cgroup_usage.hpp"
#include "runtime/core/system_text.hpp"
#include "runtime/core/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fcntl.h>
#include <unistd.h>

namespace sandfleet::agent {

namespace {

/// Version 1 has no word for "no limit", but a number that no machine reaches.
constexpr std::int64_t no_limit = std::int64_t{1} << 60;
constexpr std::array event_files{"memory.events", "memory.oom_control"};

/// At most 16 KiB, from the beginning.
std::string read_from(int fd) {
  std::array<char, std::size_t{16} << 10> text;
  const auto got = ::pread(fd, text.data(), text.size(), 0);
  return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string();
}

unique_fd open_file(const std::string& path) {
  return unique_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

std::optional<std::int64_t> keyed(std::string_view text, std::string_view name) {
  const auto found = core::keyed_number(text, name, -1);
  return found < 0 ? std::nullopt : std::optional<std::int64_t>(found);
}

} // namespace

std::vector<std::string> memory_group_places(std::string_view cgroups, const std::string& mounts) {
  std::vector<std::string> version1;
  std::vector<std::string> version2;
  for (const auto line : core::split(cgroups, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos)
      continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const auto path = line.substr(second + 1);
    if (!path.starts_with('/') || path.find("/..") != std::string_view::npos)
      continue;
    const auto words = core::split(controllers, ',');
    if (std::ranges::find(words, "memory") != words.end())
      version1 = {mounts + "/memory" + std::string(path), mounts + "/memory"};
    else if (controllers.empty())
      version2 = {mounts + std::string(path), mounts + "/unified" + std::string(path), mounts};
  }
  version1.insert(version1.end(), version2.begin(), version2.end());
  return version1;
}

memory_group::memory_group(const told& from_outside) : told_(from_outside) {
  open_events();
  reports_ = !of_machine_ && keyed(read_from(events_.get()), "max");
}

void memory_group::open_events() {
  if (told_.events_fd) {
    events_ = unique_fd(*told_.events_fd);
    return;
  }
  const auto own = open_file("/proc/self/cgroup");
  for (const auto& place : memory_group_places(read_from(own.get()), "/sys/fs/cgroup"))
    for (const char* name : event_files) {
      auto file = open_file(place + "/" + name);
      if (file.get() < 0 || !keyed(read_from(file.get()), "oom_kill"))
        continue;
      events_ = std::move(file);
      directory_ = place;
      return;
    }
  events_ = open_file("/proc/vmstat");
  of_machine_ = true;
}

std::optional<std::int64_t> memory_group::oom_kills() const {
  return keyed(read_from(events_.get()), "oom_kill");
}

std::string memory_group::read(const char* name) const {
  return directory_.empty() ? std::string() : read_from(open_file(directory_ + "/" + name).get());
}

std::vector<pid_t> memory_group::processes() const {
  return core::parse_pids(read("cgroup.procs"));
}

std::optional<std::int64_t> memory_group::in_use() const {
  auto used = core::parse_integer(core::trim(read("memory.current")));
  const bool is_version2 = used.has_value();
  if (!used)
    used = core::parse_integer(core::trim(read("memory.usage_in_bytes")));
  if (!used)
    return std::nullopt;
  const auto cache =
      keyed(read("memory.stat"), is_version2 ? "inactive_file" : "total_inactive_file");
  return std::max<std::int64_t>(0, *used - cache.value_or(0));
}

std::optional<std::int64_t> memory_group::limit() const {
  if (told_.limit)
    return told_.limit;
  for (const char* name : {"memory.max", "memory.limit_in_bytes"})
    if (const auto bytes = core::parse_integer(core::trim(read(name))); bytes && *bytes < no_limit)
      return bytes;
  return std::nullopt;
}

oom_counter::oom_counter(const memory_group* group)
    : group_(group), before_(group != nullptr ? group->oom_kills().value_or(0) : 0) {}

std::int64_t oom_counter::kills(bool was_killed) const {
  if (group_ == nullptr || (group_->counts_the_machine() && !was_killed))
    return 0;
  return std::max<std::int64_t>(0, group_->oom_kills().value_or(0) - before_);
}

std::string oom_remark(std::int64_t kills, std::optional<std::int64_t> limit_bytes,
                       bool of_machine) {
  if (kills <= 0)
    return {};
  auto text = "\n[The kernel killed " + std::to_string(kills) +
              (kills == 1 ? " process of the " : " processes of the ") +
              (of_machine ? "machine" : "sandbox") + " for memory while the command ran";
  if (limit_bytes && !of_machine)
    text += "; the limit is " + size_text(*limit_bytes);
  return text + ".]";
}

std::string size_text(std::int64_t bytes) {
  constexpr double kib = 1024;
  constexpr std::array units{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; number >= kib && unit + 1 < units.size(); ++unit)
    number /= kib;
  return core::number_text(std::round(number * 10) / 10) + " " + units[unit];
}

} // namespace sandfleet::agent
