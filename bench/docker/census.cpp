#include "bench/docker/census.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace sandfleet::bench {

namespace fs = std::filesystem;

namespace {

std::set<std::string> printed_by(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::set<std::string> lines;
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    std::string text = line.data();
    text.pop_back();
    lines.insert(std::move(text));
  }
  if (::pclose(pipe) != 0)
    throw std::runtime_error("failed: " + command);
  return lines;
}

std::set<std::string> lines_with(const std::string& path, const std::string& part) {
  std::ifstream in(path);
  std::set<std::string> found;
  for (std::string line; std::getline(in, line);)
    if (line.find(part) != std::string::npos)
      found.insert(line);
  return found;
}

std::set<std::string> orphaned_cgroups(const std::set<std::string>& containers) {
  constexpr std::size_t id_length = 64;
  std::set<std::string> found;
  std::error_code ignored;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at("/sys/fs/cgroup", options, ignored), last; at != last;
       at.increment(ignored)) {
    if (!at->is_directory(ignored))
      continue;
    const auto name = at->path().filename().string();
    const bool is_id =
        name.size() == id_length && name.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (is_id && !containers.contains(name))
      found.insert(at->path().string());
  }
  return found;
}

} // namespace

census count_things(const std::string& state_dir) {
  census now;
  now.containers =
      printed_by("docker ps -aq --no-trunc --filter label=sandfleet.registry | sort -u");
  now.cgroups = orphaned_cgroups(printed_by("docker ps -aq --no-trunc"));
  now.sockets = lines_with("/proc/net/unix", state_dir);
  now.mounts = lines_with("/proc/self/mountinfo", "/");
  for (const auto& entry : fs::recursive_directory_iterator(state_dir))
    now.files.insert(entry.path().string());
  now.descriptors = static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
  return now;
}

std::string left_between(const census& before, const census& after) {
  std::string text;
  const auto compare = [&](const char* kind, const auto& then, const auto& now) {
    for (const auto& one : now)
      if (!then.contains(one))
        text += std::string(kind) + ": " + one + "\n";
  };
  compare("container", before.containers, after.containers);
  compare("socket", before.sockets, after.sockets);
  compare("file", before.files, after.files);
  compare("mount", before.mounts, after.mounts);
  compare("control group", before.cgroups, after.cgroups);
  if (after.descriptors > before.descriptors)
    text += "descriptors: " + std::to_string(after.descriptors) + " instead of " +
            std::to_string(before.descriptors) + "\n";
  return text;
}

} // namespace sandfleet::bench
