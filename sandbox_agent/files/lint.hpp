#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What linting adds to the editor's texts, as PyPI openhands-aci has it. What finds the issues is
/// elsewhere.
namespace sandfleet::agent::files {

struct lint_issue {
  int line = 1;
  int column = 1;
  std::string message;

  friend bool operator==(const lint_issue&, const lint_issue&) = default;
};

/// The issues that flake8 prints; what is no issue is left out.
[[nodiscard]] std::vector<lint_issue> parse_flake8(std::string_view printed);

/// Those of the new text that a change has brought: not those that its unchanged lines had before.
/// Sorted by place.
[[nodiscard]] std::vector<lint_issue> issues_of_change(const std::vector<lint_issue>& before,
                                                       const std::vector<lint_issue>& after,
                                                       std::string_view old_text,
                                                       std::string_view new_text);

/// A paragraph for the client.
[[nodiscard]] std::string lint_text(const std::vector<lint_issue>& issues);

} // namespace sandfleet::agent::files
