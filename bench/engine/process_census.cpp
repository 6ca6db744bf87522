#include "bench/engine/process_census.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <unistd.h>

namespace sandfleet::bench {

namespace {

/// The fields of /proc/PID/stat from the third one (state) on; the second may hold anything.
std::optional<std::vector<std::string>> stat_fields(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  if (!std::getline(in, line))
    return std::nullopt;
  std::istringstream rest(line.substr(line.rfind(')') + 1));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;)
    fields.push_back(field);
  return fields;
}

} // namespace

std::vector<pid_t> descendants() {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (!std::ranges::all_of(name, [](unsigned char c) { return c >= '0' && c <= '9'; }))
      continue;
    const auto process = static_cast<pid_t>(std::stoi(name));
    if (const auto fields = stat_fields(process))
      children.emplace(static_cast<pid_t>(std::stoi(fields->at(1))), process);
  }
  std::vector<pid_t> found{::getpid()};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto it = first; it != last; ++it)
      found.push_back(it->second);
  }
  found.erase(found.begin());
  return found;
}

std::int64_t pss_kib(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/smaps_rollup");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("Pss:"))
      return std::stoll(line.substr(4));
  return 0;
}

std::int64_t cpu_ticks(pid_t process) {
  const auto fields = stat_fields(process);
  return fields ? std::stoll(fields->at(11)) + std::stoll(fields->at(12)) : 0;
}

} // namespace sandfleet::bench
