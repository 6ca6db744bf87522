#include "runtime/core/cgroup_usage.hpp"
#include "runtime/core/system_text.hpp"
#include "sandbox_agent/launcher/cgroup_paths.hpp"
#include "sandbox_agent/launcher/id_map.hpp"
#include "sandbox_agent/launcher/oom_victims.hpp"
#include "sandbox_agent/user/accounts.hpp"
#include "tests/fuzz/holds.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sandfleet;

void check_stat(std::string_view text) {
  const auto stat = core::parse_process_stat(text);
  holds(!stat || stat->state != 0);
  // A name that looks like the rest of a line changes nothing.
  const auto line = "7 (" + std::string(text) +
                    ") S 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 "
                    "20 21 22 23\n";
  holds(core::parse_process_stat(line) == (core::process_stat{'S', 3, 5, 21}));
}

void check_numbers(std::string_view text) {
  for (const auto pid : core::parse_pids(text))
    holds(pid > 0);
  const auto name = text.substr(0, text.find(':'));
  if (name.find('\n') == std::string_view::npos && core::named_number(text, name))
    holds(text.find(std::string(name) + ":") != std::string_view::npos);
  (void)core::keyed_number(text, "oom_kill", -1);
}

/// Two records: who was killed, and how large that was.
void check_oom_victims(std::string_view text) {
  launcher::oom_victims found("x");
  const auto half = text.find('\0');
  found.read(text.substr(0, half));
  if (half != std::string_view::npos)
    found.read(text.substr(half + 1));
  holds(found.text().size() <= text.size() + 40);
}

/// What is written there is found there, and nothing else has changed.
void check_image_files(std::string_view text) {
  const bool was_there = agent::find_account(text, "new").has_value();
  const auto longer = agent::with_account(text, "new", 7, "/home/new");
  const auto found = agent::find_account(longer, "new");
  holds(found && (was_there || found->uid == 7));
  const auto owner = agent::find_account(longer, uid_t{7});
  holds(owner && owner->name == "new");
  holds(longer.size() <= text.size() + 40);
  const auto joined = agent::with_member(text, "sudo", "new");
  holds(agent::with_member(joined, "sudo", "new") == joined);
  for (const auto group : agent::groups_of(joined, "new"))
    holds(group != static_cast<gid_t>(-1));
  if (const auto group = agent::find_group(text, "sudo"))
    holds(*group != static_cast<gid_t>(-1));
  holds(agent::has_line(agent::with_line(text, "x"), "x"));
}

void check_accounts(std::string_view text) {
  check_image_files(text);
  const auto name = core::account_name(text, 1000);
  holds(name.find_first_of(":\n") == std::string_view::npos);
}

void check_cgroups(std::string_view text) {
  const auto half = text.find('\0');
  const auto found = launcher::find_cgroups(
      text.substr(0, half), half == std::string_view::npos ? text : text.substr(half + 1));
  for (const auto& one : found)
    holds(one.version2 == one.controllers.empty());
}

bool is_sound(const std::vector<launcher::id_extent>& extents) {
  std::uint64_t inside = 0;
  for (const auto& one : extents) {
    if (one.count == 0 || one.inside != inside ||
        std::uint64_t{one.outside} + one.count > (std::uint64_t{1} << 32U))
      return false;
    inside += one.count;
  }
  return !extents.empty();
}

void check_id_map(fuzz_input& in) {
  launcher::id_facts facts;
  facts.uid = static_cast<std::uint32_t>(in.number());
  facts.gid = static_cast<std::uint32_t>(in.number());
  if (facts.uid == UINT32_MAX || facts.gid == UINT32_MAX)
    return; // -1 is nobody's number
  facts.may_map_any = in.flag();
  facts.has_helpers = in.flag();
  facts.user_name = in.text(8);
  facts.uid_map = in.text();
  facts.gid_map = in.text();
  facts.subuid = in.text();
  facts.subgid = in.rest();
  const auto map = launcher::plan_id_map(facts, "seed");
  holds(is_sound(map.uids) && is_sound(map.gids));
  holds(!map.by_helper || map.is_range());
}

} // namespace

/// What the kernel and the system's files say, cut or wrong in any way.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  switch (in.byte() % 5) {
  case 0:
    check_stat(in.rest());
    break;
  case 1:
    check_numbers(in.rest());
    break;
  case 2:
    check_accounts(in.rest());
    break;
  case 3:
    check_cgroups(in.rest());
    check_oom_victims(in.rest());
    break;
  default:
    check_id_map(in);
  }
  return 0;
}
