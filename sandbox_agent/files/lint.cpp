#include "sandbox_agent/files/lint.hpp"

#include "runtime/core/text.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/matching_blocks.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace sandfleet::agent::files {

std::vector<lint_issue> parse_flake8(std::string_view printed) {
  std::vector<lint_issue> found;
  for (const auto line : core::split(printed, '\n')) {
    const auto parts = core::split(line, ':');
    if (parts.size() < 4)
      continue;
    const auto number = core::parse_integer(parts[1]);
    const auto column = core::parse_integer(parts[2]);
    if (!number)
      continue;
    lint_issue issue{static_cast<int>(*number), 1, std::string(core::trim(parts[3]))};
    if (parts.size() > 4)
      issue.message.append(": ").append(core::trim(parts[4]));
    if (column)
      issue.column = static_cast<int>(*column);
    else
      issue.message = std::string(core::trim(parts[2])) + " " + issue.message;
    found.push_back(std::move(issue));
  }
  return found;
}

std::vector<lint_issue> issues_of_change(const std::vector<lint_issue>& before,
                                         const std::vector<lint_issue>& after,
                                         std::string_view old_text, std::string_view new_text) {
  // Lines are counted from 1. As many are taken for replaced as there were before, from the first
  // on; so has it the reference.
  std::map<int, int> new_line_of;
  std::set<int> replaced;
  int old_line = 1;
  int new_line = 1;
  for (const auto& block : matching_blocks(lines_of(old_text), lines_of(new_text))) {
    const auto old_begin = static_cast<int>(block.a) + 1;
    const auto new_begin = static_cast<int>(block.b) + 1;
    for (int i = 0; new_line < new_begin && i < old_begin - old_line; ++i)
      replaced.insert(new_line + i);
    for (int i = 0; i < static_cast<int>(block.size); ++i)
      new_line_of[old_begin + i] = new_begin + i;
    old_line = old_begin + static_cast<int>(block.size);
    new_line = new_begin + static_cast<int>(block.size);
  }
  const auto was_there = [&](const lint_issue& one) {
    return std::ranges::any_of(before, [&](const lint_issue& old) {
      const auto moved = new_line_of.find(old.line);
      return moved != new_line_of.end() && moved->second == one.line && old.column == one.column &&
             old.message == one.message;
    });
  };
  std::vector<lint_issue> brought;
  for (const auto& one : after)
    if (replaced.contains(one.line) || !was_there(one))
      brought.push_back(one);
  std::ranges::stable_sort(brought, {},
                           [](const lint_issue& one) { return std::tuple(one.line, one.column); });
  return brought;
}

std::string lint_text(const std::vector<lint_issue>& issues) {
  if (issues.empty())
    return "No linting issues found in the changes.";
  std::string text = "Linting issues found in the changes:\n";
  for (const auto& one : issues)
    text.append("- Line ")
        .append(std::to_string(one.line))
        .append(", Column ")
        .append(std::to_string(one.column))
        .append(": ")
        .append(one.message)
        .append("\n");
  return text;
}

} // namespace sandfleet::agent::files
