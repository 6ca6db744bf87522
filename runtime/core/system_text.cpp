#include "runtime/core/system_text.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace sandfleet::core {

namespace {

constexpr std::string_view blanks = " \t\n";

template <class Number>
bool read_whole(std::string_view text, Number& into) noexcept {
  const auto* end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, into);
  return failure == std::errc{} && stopped == end;
}

/// Takes the next word away from the front of `rest`; empty at its end.
std::string_view take_word(std::string_view& rest) noexcept {
  rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
  const auto word = rest.substr(0, rest.find_first_of(blanks));
  rest.remove_prefix(word.size());
  return word;
}

/// A letter.
bool read_state(std::string_view word, char& into) noexcept {
  const char lower = word.size() == 1 ? static_cast<char>(word.front() | 0x20) : '\0';
  into = word.size() == 1 ? word.front() : '\0';
  return lower >= 'a' && lower <= 'z';
}

} // namespace

std::optional<process_stat> parse_process_stat(std::string_view text) noexcept {
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos)
    return std::nullopt;
  auto rest = text.substr(name_end + 1);
  process_stat found;
  constexpr int state = 3; // the fields' numbers in proc(5); the name is the second
  constexpr int parent = 4;
  constexpr int session = 6;
  constexpr int start_time = 22;
  for (int field = state; field <= start_time; ++field) {
    const auto word = take_word(rest);
    bool fits = !word.empty();
    if (field == state)
      fits = read_state(word, found.state);
    else if (field == parent)
      fits = read_whole(word, found.parent);
    else if (field == session)
      fits = read_whole(word, found.session);
    else if (field == start_time)
      fits = read_whole(word, found.start_time);
    if (!fits)
      return std::nullopt;
  }
  return found;
}

std::optional<pid_t> parse_pid(std::string_view text) noexcept {
  pid_t pid = 0;
  return read_whole(text, pid) && pid > 0 ? std::optional(pid) : std::nullopt;
}

std::vector<pid_t> parse_pids(std::string_view text) {
  std::vector<pid_t> found;
  for (auto word = take_word(text); !word.empty(); word = take_word(text))
    if (const auto pid = parse_pid(word))
      found.push_back(*pid);
  return found;
}

std::optional<std::int64_t> named_number(std::string_view text, std::string_view name) noexcept {
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(name) || !line.substr(name.size()).starts_with(':'))
      continue;
    line.remove_prefix(name.size() + 1);
    return parse_integer(take_word(line));
  }
  return std::nullopt;
}

std::string_view account_name(std::string_view passwd, uid_t uid) {
  const auto wanted = std::to_string(uid);
  while (!passwd.empty()) {
    const auto line = passwd.substr(0, passwd.find('\n'));
    passwd.remove_prefix(std::min(line.size() + 1, passwd.size()));
    const auto fields = split(line, ':'); // name:password:uid:...
    if (fields.size() > 2 && fields[2] == wanted)
      return fields[0];
  }
  return {};
}

} // namespace sandfleet::core
