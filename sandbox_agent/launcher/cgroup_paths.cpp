#include "sandbox_agent/launcher/cgroup_paths.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <optional>
#include <span>

namespace sandfleet::launcher {

namespace {

struct membership {
  std::vector<std::string_view> controllers; ///< a single empty one for version 2
  std::string_view path;
};

/// Lines "ID:controller,controller:/path"; the path may hold colons.
std::vector<membership> parse_memberships(std::string_view text) {
  std::vector<membership> all;
  for (const auto line : core::split(text, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos)
      continue;
    all.push_back(
        {core::split(line.substr(first + 1, second - first - 1), ','), line.substr(second + 1)});
  }
  return all;
}

/// mountinfo writes blank, tab, newline and backslash as \ and three octal digits.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// Where `path` of the hierarchy is seen when `root` of it is mounted at `mount_point`.
std::optional<std::string> place(std::string mount_point, const std::string& root,
                                 std::string_view path) {
  if (root != "/") {
    if (!path.starts_with(root) || (path.size() > root.size() && path[root.size()] != '/'))
      return std::nullopt;
    path.remove_prefix(root.size());
  }
  if (path.find("/..") != std::string_view::npos)
    return std::nullopt; // outside the caller's cgroup namespace
  if (path != "/")
    mount_point += path;
  return mount_point;
}

bool belongs(const membership& m, bool version2, std::span<const std::string_view> options) {
  if (version2)
    return m.controllers.size() == 1 && m.controllers.front().empty();
  return !m.controllers.front().empty() &&
         std::ranges::all_of(m.controllers, [&](std::string_view controller) {
           return std::ranges::find(options, controller) != options.end();
         });
}

} // namespace

bool cgroup_hierarchy::has(std::string_view controller) const {
  return std::ranges::find(controllers, controller) != controllers.end();
}

std::vector<cgroup_hierarchy> find_cgroups(std::string_view mountinfo,
                                           std::string_view self_cgroup) {
  std::vector<cgroup_hierarchy> found;
  const auto memberships = parse_memberships(self_cgroup);
  for (const auto line : core::split(mountinfo, '\n')) {
    // "... ROOT MOUNT_POINT OPTIONS [optional fields] - TYPE SOURCE SUPER_OPTIONS"
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos)
      continue;
    const auto before = core::split(line.substr(0, dash), ' ');
    const auto after = core::split(line.substr(dash + 3), ' ');
    if (before.size() < 6 || after.size() < 3 || !after[0].starts_with("cgroup"))
      continue;
    const bool version2 = after[0] == "cgroup2";
    const auto options = core::split(after[2], ',');
    for (const auto& m : memberships) {
      if (!belongs(m, version2, options))
        continue;
      cgroup_hierarchy hierarchy;
      hierarchy.version2 = version2;
      if (!version2)
        hierarchy.controllers.assign(m.controllers.begin(), m.controllers.end());
      const auto dir = place(unescape(before[4]), unescape(before[3]), m.path);
      const bool known = std::ranges::any_of(found, [&](const cgroup_hierarchy& other) {
        return other.version2 == version2 && other.controllers == hierarchy.controllers;
      });
      if (dir && !known) {
        hierarchy.own_dir = *dir;
        found.push_back(std::move(hierarchy));
      }
    }
  }
  return found;
}

} // namespace sandfleet::launcher
