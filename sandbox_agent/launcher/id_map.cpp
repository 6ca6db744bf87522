#include "sandbox_agent/launcher/id_map.hpp"

#include "runtime/core/system_text.hpp"
#include "runtime/core/text.hpp"
#include "sandbox_agent/launcher/capabilities.hpp"
#include "sandbox_agent/launcher/file_text.hpp"

#include <algorithm>
#include <linux/capability.h>
#include <optional>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::launcher {

namespace {

constexpr std::uint32_t range_size = 65'536;
constexpr std::int64_t id_space = std::int64_t{UINT32_MAX} + 1;

/// Above the ranges that systemd-nspawn and the usual /etc/subuid take, below 2^31, beyond which
/// some programs see negative numbers.
constexpr std::uint32_t first_range = 0x7000'0000;
constexpr std::uint32_t range_slots = 0x0fff;

constexpr const char* newuidmap_path = "/usr/bin/newuidmap";
constexpr const char* newgidmap_path = "/usr/bin/newgidmap";

/// FNV-1a: spreads sandboxes over the slots, the same way in every process.
std::uint32_t slot_of(std::string_view seed) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : seed)
    hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  return hash % range_slots;
}

std::vector<std::uint64_t> numbers_of(std::string_view line) {
  std::vector<std::uint64_t> numbers;
  while (!line.empty()) {
    line = core::trim(line);
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    if (const auto n = core::parse_integer(line.substr(0, end)); n && *n >= 0)
      numbers.push_back(static_cast<std::uint64_t>(*n));
    line.remove_prefix(end);
  }
  return numbers;
}

/// True when the current user namespace has the ids [first, first + count).
bool has_ids(std::string_view own_map, std::uint64_t first, std::uint64_t count) {
  for (const auto line : core::split(own_map, '\n')) {
    const auto n = numbers_of(line);
    if (n.size() == 3 && n[0] <= first && first + count <= n[0] + n[2])
      return true;
  }
  return false;
}

/// In a container that has few ids: the last range, if there is one that leaves id 0 out.
std::optional<std::uint32_t> last_range(std::string_view own_map) {
  std::optional<std::uint32_t> best;
  for (const auto line : core::split(own_map, '\n')) {
    const auto n = numbers_of(line);
    if (n.size() != 3 || n[2] < range_size)
      continue;
    const auto start = n[0] + n[2] - range_size;
    if (start > 0 && start <= UINT32_MAX && (!best || start > *best))
      best = static_cast<std::uint32_t>(start);
  }
  return best;
}

/// The first line of /etc/subuid for this user: "name:start:count" or "uid:start:count".
std::optional<id_extent> subordinate(std::string_view text, const std::string& name,
                                     std::uint32_t uid) {
  for (const auto line : core::split(text, '\n')) {
    const auto parts = core::split(core::trim(line), ':');
    if (parts.size() != 3)
      continue;
    const bool ours = (!name.empty() && parts[0] == name) || parts[0] == std::to_string(uid);
    const auto start = core::parse_integer(parts[1]);
    const auto count = core::parse_integer(parts[2]);
    if (!ours || !start || !count || *start <= 0 || *start > UINT32_MAX || *count <= 0)
      continue;
    const auto most = std::min<std::int64_t>(range_size - 1, id_space - *start);
    return id_extent{1, static_cast<std::uint32_t>(*start),
                     static_cast<std::uint32_t>(std::min(*count, most))};
  }
  return std::nullopt;
}

std::string map_text(const std::vector<id_extent>& extents) {
  std::string text;
  for (const auto& e : extents)
    text += std::to_string(e.inside) + " " + std::to_string(e.outside) + " " +
            std::to_string(e.count) + "\n";
  return text;
}

result<void> run_helper(const char* helper, const std::vector<id_extent>& extents, pid_t process) {
  std::vector<std::string> words = {helper, std::to_string(process)};
  for (const auto& e : extents)
    for (const auto number : {e.inside, e.outside, e.count})
      words.push_back(std::to_string(number));
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = -1;
  if (const int failed = ::posix_spawn(&child, helper, nullptr, nullptr, argv.data(), environ))
    return fail(errno_error(errc::start_failed, std::string("cannot run ") + helper, failed));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return {};
  return fail(make_error(errc::permission_denied, std::string(helper) + " refused the id map")
                  .with_hint("check this user's lines in /etc/subuid and /etc/subgid"));
}

} // namespace

id_map plan_id_map(const id_facts& facts, std::string_view seed) {
  id_map map;
  if (facts.may_map_any) {
    map.by_root = true;
    const auto wanted = first_range + slot_of(seed) * range_size;
    std::optional<std::uint32_t> start = wanted;
    if (!has_ids(facts.uid_map, wanted, range_size) || !has_ids(facts.gid_map, wanted, range_size))
      start = last_range(facts.uid_map);
    if (start && has_ids(facts.gid_map, *start, range_size)) {
      map.uids = map.gids = {{0, *start, range_size}};
      return map;
    }
  }
  map.uids = {{0, facts.uid, 1}};
  map.gids = {{0, facts.gid, 1}};
  if (facts.may_map_any || !facts.has_helpers)
    return map;
  const auto uids = subordinate(facts.subuid, facts.user_name, facts.uid);
  const auto gids = subordinate(facts.subgid, facts.user_name, facts.uid);
  if (uids && gids) {
    map.uids.push_back(*uids);
    map.gids.push_back(*gids);
    map.by_helper = true;
  }
  return map;
}

id_facts read_id_facts() {
  id_facts facts;
  facts.uid = ::geteuid();
  facts.gid = ::getegid();
  facts.may_map_any = has_capability(CAP_SETUID) && has_capability(CAP_SETGID);
  facts.uid_map = read_text("/proc/self/uid_map");
  facts.gid_map = read_text("/proc/self/gid_map");
  if (facts.may_map_any)
    return facts;
  facts.has_helpers = ::access(newuidmap_path, X_OK) == 0 && ::access(newgidmap_path, X_OK) == 0;
  facts.subuid = read_text("/etc/subuid");
  facts.subgid = read_text("/etc/subgid");
  // Not getpwuid: in a static program it would load the host's name service libraries.
  facts.user_name = core::account_name(read_text("/etc/passwd"), facts.uid);
  return facts;
}

result<void> write_id_map(const id_map& map, pid_t process) {
  if (map.by_helper) {
    if (auto done = run_helper(newuidmap_path, map.uids, process); !done)
      return done;
    return run_helper(newgidmap_path, map.gids, process);
  }
  const auto dir = "/proc/" + std::to_string(process) + "/";
  // The kernel wants this of callers without privilege before they map a group.
  if (!map.by_root)
    if (const int failed = write_text(dir + "setgroups", "deny"))
      return fail(errno_error(errc::start_failed, "cannot give up setgroups", failed));
  if (const int failed = write_text(dir + "uid_map", map_text(map.uids)))
    return fail(errno_error(errc::start_failed, "cannot map user ids", failed));
  if (const int failed = write_text(dir + "gid_map", map_text(map.gids)))
    return fail(errno_error(errc::start_failed, "cannot map group ids", failed));
  return {};
}

} // namespace sandfleet::launcher
