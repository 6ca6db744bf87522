#include "runtime/core/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace sandfleet::core {

namespace {

template <class Number>
std::optional<Number> parse_whole(std::string_view text) noexcept {
  Number number{};
  const auto* end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{} || stopped != end)
    return std::nullopt;
  return number;
}

template <class Convert>
std::string mapped(std::string_view text, Convert convert) {
  std::string copy(text);
  std::ranges::transform(copy, copy.begin(), convert);
  return copy;
}

} // namespace

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const auto end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos)
      return parts;
    begin = end + 1;
  }
}

std::string join(std::span<const std::string_view> parts, std::string_view between) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0)
      text += between;
    text += parts[i];
  }
  return text;
}

std::string to_lower(std::string_view text) {
  return mapped(text, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}

std::string to_upper(std::string_view text) {
  return mapped(text, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
}

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  return parse_whole<std::int64_t>(text);
}

std::optional<double> parse_number(std::string_view text) noexcept {
  const auto number = parse_whole<double>(text);
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::string number_text(double number) {
  // Below 2^53 whole numbers are exact, and nobody wants to read 1e+05.
  if (number == std::trunc(number) && std::abs(number) < 0x1p53)
    return std::to_string(static_cast<std::int64_t>(number));
  std::array<char, 32> digits{};
  const auto [end, failure] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return failure == std::errc{} ? std::string(digits.data(), end) : std::to_string(number);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the optimal string alignment matrix: the swap of neighbours looks two rows back.
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        current[j] = std::min(current[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, current);
  }
  return last[b.size()];
}

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
  std::optional<std::string_view> best;
  // A third of the word may be wrong; more is another word, not a typo.
  std::size_t limit = std::max<std::size_t>(1, word.size() / 3);
  for (const auto candidate : candidates) {
    const auto distance = edit_distance(word, candidate);
    if (distance > limit || (best && distance == limit))
      continue;
    best = candidate;
    limit = distance;
  }
  return best;
}

std::string quote_posix(std::string_view text) {
  std::string out = "'";
  for (const char byte : text) {
    if (byte == '\'')
      out += "'\\''";
    else if (byte != '\0')
      out += byte;
  }
  out += '\'';
  return out;
}

} // namespace sandfleet::core
