#include "sandbox_agent/bash/command_splitter.hpp"

#include "sandbox_agent/bash/shell_scanner.hpp"

namespace sandfleet::agent {

std::optional<std::vector<std::string>> split_commands(std::string_view text) {
  shell_scanner scanner(text);
  auto starts = scanner.list(false);
  if (scanner.failed())
    return std::nullopt;
  if (starts.empty())
    starts.push_back(0);
  starts.front() = 0;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const auto end = i + 1 < starts.size() ? starts[i + 1] : text.size();
    const auto piece = text.substr(starts[i], end - starts[i]);
    out.emplace_back(piece.substr(0, piece.find_last_not_of(" \t\n\r\v\f") + 1));
  }
  return out;
}

} // namespace sandfleet::agent
