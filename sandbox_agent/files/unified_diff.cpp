#include "sandbox_agent/files/unified_diff.hpp"

#include "runtime/core/text.hpp"
#include "sandbox_agent/files/file_text.hpp"

#include <algorithm>
#include <span>
#include <unordered_map>
#include <vector>

namespace sandfleet::agent::files {

namespace {

using lines = std::vector<std::string_view>;

struct match {
  std::size_t a = 0;
  std::size_t b = 0;
  std::size_t size = 0;
};

struct range {
  std::size_t a_low, a_high, b_low, b_high;
};

/// difflib.SequenceMatcher: the longest common block, then the same on both sides of it. Which of
/// several equal blocks is taken, and that lines which fill more than a hundredth of a long text
/// begin none, decides what the diff looks like.
class matcher {
 public:
  matcher(const lines& a, const lines& b) : a_(a), b_(b), lengths_(b.size() + 1) {
    for (std::size_t j = 0; j < b.size(); ++j)
      places_[b[j]].push_back(j);
    if (b.size() >= 200) {
      const auto popular = b.size() / 100 + 1;
      std::erase_if(places_, [&](const auto& entry) { return entry.second.size() > popular; });
    }
  }

  std::vector<match> blocks() {
    std::vector<range> open{{0, a_.size(), 0, b_.size()}};
    std::vector<match> found;
    while (!open.empty()) {
      const auto in = open.back();
      open.pop_back();
      const auto one = longest(in);
      if (one.size == 0)
        continue;
      found.push_back(one);
      if (in.a_low < one.a && in.b_low < one.b)
        open.push_back({in.a_low, one.a, in.b_low, one.b});
      if (one.a + one.size < in.a_high && one.b + one.size < in.b_high)
        open.push_back({one.a + one.size, in.a_high, one.b + one.size, in.b_high});
    }
    std::ranges::sort(found, {}, &match::a);
    found.push_back({a_.size(), b_.size(), 0});
    return found;
  }

 private:
  match longest(const range& in) {
    match best{in.a_low, in.b_low, 0};
    // lengths_[j + 1]: of the common run that ends at the line before a's current one and b's j.
    std::vector<std::pair<std::size_t, std::size_t>> written;
    std::vector<std::pair<std::size_t, std::size_t>> next;
    for (std::size_t i = in.a_low; i < in.a_high; ++i) {
      next.clear();
      if (const auto places = places_.find(a_[i]); places != places_.end()) {
        const auto first = std::ranges::lower_bound(places->second, in.b_low);
        for (auto at = first; at != places->second.end() && *at < in.b_high; ++at) {
          const auto size = lengths_[*at] + 1;
          next.emplace_back(*at + 1, size);
          if (size > best.size)
            best = {i + 1 - size, *at + 1 - size, size};
        }
      }
      for (const auto& [index, size] : written)
        lengths_[index] = 0;
      for (const auto& [index, size] : next)
        lengths_[index] = size;
      written.swap(next);
    }
    for (const auto& [index, size] : written)
      lengths_[index] = 0;
    while (best.a > in.a_low && best.b > in.b_low && a_[best.a - 1] == b_[best.b - 1])
      best = {best.a - 1, best.b - 1, best.size + 1};
    while (best.a + best.size < in.a_high && best.b + best.size < in.b_high &&
           a_[best.a + best.size] == b_[best.b + best.size])
      ++best.size;
    return best;
  }

  const lines& a_;
  const lines& b_;
  std::unordered_map<std::string_view, std::vector<std::size_t>> places_;
  std::vector<std::size_t> lengths_;
};

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
  for (const auto& common : matcher(a, b).blocks()) {
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
