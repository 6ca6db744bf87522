#include "runtime/providers/local/notes.hpp"

#include "runtime/core/cgroup_usage.hpp"
#include "runtime/core/system_text.hpp"
#include "runtime/core/text.hpp"

namespace sandfleet::providers::local {

std::vector<std::string> noted_cgroups(std::string_view text, const sandbox_id& id) {
  std::vector<std::string> dirs;
  const auto own = "/sandfleet-" + id.str();
  const auto commands = std::string(own).append(core::commands_group);
  for (const auto line : core::split(text, '\n'))
    if (line.starts_with('/') && (line.ends_with(own) || line.ends_with(commands)) &&
        line.find("/../") == std::string_view::npos)
      dirs.emplace_back(line);
  return dirs;
}

std::optional<noted_process> noted_init(std::string_view text) {
  const auto words = core::split(core::trim(text), ' ');
  if (words.size() != 2)
    return std::nullopt;
  const auto pid = core::parse_pid(words[0]);
  const auto start = core::parse_integer(words[1]);
  if (!pid || !start || *start <= 0)
    return std::nullopt;
  return noted_process{*pid, static_cast<std::uint64_t>(*start)};
}

} // namespace sandfleet::providers::local
