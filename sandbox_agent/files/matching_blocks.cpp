#include "sandbox_agent/files/matching_blocks.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace sandfleet::agent::files {

namespace {

using lines_view = std::vector<std::string_view>;

struct range {
  std::size_t a_low, a_high, b_low, b_high;
};

/// difflib.SequenceMatcher: the longest common block, then the same on both sides of it. Which of
/// several equal blocks is taken, and that lines which fill more than a hundredth of a long text
/// begin none, decides what the diff looks like.
class matcher {
 public:
  matcher(const lines_view& a, const lines_view& b) : a_(a), b_(b), lengths_(b.size() + 1) {
    for (std::size_t j = 0; j < b.size(); ++j)
      places_[b[j]].push_back(j);
    if (b.size() >= 200) {
      const auto popular = b.size() / 100 + 1;
      std::erase_if(places_, [&](const auto& entry) { return entry.second.size() > popular; });
    }
  }

  std::vector<matching_block> blocks() {
    std::vector<range> open{{0, a_.size(), 0, b_.size()}};
    std::vector<matching_block> found;
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
    std::ranges::sort(found, {}, &matching_block::a);
    found.push_back({a_.size(), b_.size(), 0});
    return found;
  }

 private:
  matching_block longest(const range& in) {
    matching_block best{in.a_low, in.b_low, 0};
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

  const lines_view& a_;
  const lines_view& b_;
  std::unordered_map<std::string_view, std::vector<std::size_t>> places_;
  std::vector<std::size_t> lengths_;
};

} // namespace

std::vector<matching_block> matching_blocks(const std::vector<std::string_view>& a,
                                            const std::vector<std::string_view>& b) {
  return matcher(a, b).blocks();
}

} // namespace sandfleet::agent::files
