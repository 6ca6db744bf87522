#include "sandbox_agent/launcher/command.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>

namespace sandfleet::launcher {

std::optional<command> parse_command(std::string_view line) {
  const auto words = core::split(core::trim(line), ' ');
  if (words.size() == 1) {
    if (words[0] == "pause")
      return command{command::kind::pause};
    if (words[0] == "resume")
      return command{command::kind::resume};
    return std::nullopt;
  }
  const auto span = core::parse_integer(words[1]);
  if (words.size() != 2 || !span || *span < 0)
    return std::nullopt;
  const auto at_most = [&](std::chrono::milliseconds longest) {
    return std::chrono::milliseconds(std::min<std::int64_t>(*span, longest.count()));
  };
  if (words[0] == "stop")
    return command{command::kind::stop, at_most(longest_grace)};
  if (words[0] == "keep")
    return command{command::kind::keep, at_most(longest_life)};
  return std::nullopt;
}

} // namespace sandfleet::launcher
