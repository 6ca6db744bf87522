#include "sandbox_agent/files/unified_diff.hpp"

#include "runtime/core/text.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/matching_blocks.hpp"

#include <string>

namespace sandfleet::agent::files {

namespace {

std::string range_text(std::size_t first, std::size_t end) {
  const auto length = end - first;
  if (length == 1)
    return std::to_string(first + 1);
  return std::to_string(length == 0 ? first : first + 1) + "," + std::to_string(length);
}

} // namespace

std::string unified_diff(std::string_view before, std::string_view after, std::string_view path) {
  if (before == after)
    return {};
  const auto a = core::split(before, '\n');
  const auto b = core::split(after, '\n');
  std::string diff = "--- " + std::string(strip_right(path));
  diff.append("\n+++ ").append(strip_right(path));
  const auto add = [&](char sign, std::string_view line) {
    diff.append("\n").append(strip_right(std::string(1, sign) + std::string(line)));
  };
  std::size_t i = 0;
  std::size_t j = 0;
  for (const auto& common : matching_blocks(a, b)) {
    if (i < common.a || j < common.b) {
      diff += "\n@@ -" + range_text(i, common.a) + " +" + range_text(j, common.b) + " @@";
      for (; i < common.a; ++i)
        add('-', a[i]);
      for (; j < common.b; ++j)
        add('+', b[j]);
    }
    i = common.a + common.size;
    j = common.b + common.size;
  }
  return diff;
}

} // namespace sandfleet::agent::files
