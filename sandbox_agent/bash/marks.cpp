#include "sandbox_agent/bash/marks.hpp"

#include "sandbox_agent/bash/quoting.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sandfleet::agent {

namespace {

constexpr char mark_end = '\a';

std::optional<int> to_int(std::string_view text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Takes the text up to the next ';' away from the front of `rest`.
std::string_view take_field(std::string_view& rest) {
  const auto end = rest.find(';');
  const auto field = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return field;
}

/// An unset variable leaves its field empty, an empty one is written as ''. Leaves the ';' behind
/// it.
bool take_word(std::string_view& rest, std::optional<std::string>& into) {
  std::size_t used = 0;
  auto word = unquote_word(rest, ";", used);
  if (!word)
    return false;
  if (used != 0)
    into = std::move(*word);
  rest.remove_prefix(used);
  return true;
}

std::optional<mark> parse_prompt(std::string_view rest, bool full) {
  prompt_mark seen;
  const auto exit_code = to_int(take_field(rest));
  const auto job = take_field(rest);
  const auto job_pid = job.empty() ? std::optional(-1) : to_int(job);
  if (!exit_code || !job_pid)
    return std::nullopt;
  seen.exit_code = *exit_code;
  seen.job_pid = *job_pid;
  if (!full)
    return rest.empty() ? std::optional<mark>(seen) : std::nullopt;
  const auto command = to_int(take_field(rest));
  seen.options = std::string(take_field(rest));
  const auto shell = to_int(take_field(rest));
  if (!command || !shell)
    return std::nullopt;
  seen.command = *command;
  seen.shell_pid = *shell;
  seen.username = std::string(take_field(rest));
  seen.hostname = std::string(take_field(rest));
  if (!take_word(rest, seen.working_dir) || rest.empty())
    return std::nullopt;
  rest.remove_prefix(1);
  if (!take_word(rest, seen.path) || !rest.empty())
    return std::nullopt;
  return seen;
}

} // namespace

std::optional<mark> parse_mark(std::string_view body) {
  const auto kind = take_field(body);
  if (kind == "P")
    return parse_prompt(body, true);
  if (kind == "p")
    return parse_prompt(body, false);
  if (kind == "F") {
    auto seen = parse_prompt(body, false);
    if (seen)
      std::get<prompt_mark>(*seen).aside = true;
    return seen;
  }
  if (kind == "S" && to_int(body))
    return start_mark{};
  if (kind == "C" && to_int(body))
    return more_mark{};
  if (kind == "O" && body.empty())
    return plain_shell_mark{};
  return std::nullopt;
}

mark_splitter::mark_splitter(std::string_view nonce) : prefix_("\x1b]6973;") {
  prefix_.append(nonce).push_back(';');
}

void mark_splitter::give_up(mark_sink& sink) {
  const auto failed = std::exchange(held_, {});
  sink.on_output(failed);
}

void mark_splitter::feed(std::string_view bytes, mark_sink& sink) {
  while (!bytes.empty()) {
    if (held_.empty()) {
      const auto escape = bytes.find('\x1b');
      if (escape != 0)
        sink.on_output(bytes.substr(0, escape));
      if (escape == std::string_view::npos)
        return;
      held_ = '\x1b';
      bytes.remove_prefix(escape + 1);
      continue;
    }
    if (held_.size() < prefix_.size()) {
      // ESC stands only at the prefix's front, so after a mismatch no part of what was held can
      // begin another mark.
      const auto wanted = std::string_view(prefix_).substr(held_.size());
      const auto count = std::min(wanted.size(), bytes.size());
      const auto differ = std::mismatch(wanted.begin(), wanted.begin() + count, bytes.begin());
      const auto same = static_cast<std::size_t>(differ.first - wanted.begin());
      held_.append(bytes.substr(0, same));
      bytes.remove_prefix(same);
      if (same < count)
        give_up(sink);
      continue;
    }
    const auto end = std::find_if(bytes.begin(), bytes.end(), [](char byte) {
      return static_cast<unsigned char>(byte) < 0x20;
    });
    const auto length = static_cast<std::size_t>(end - bytes.begin());
    held_.append(bytes.substr(0, length));
    bytes.remove_prefix(length);
    const bool is_none = !bytes.empty() && bytes.front() != mark_end;
    if (is_none || held_.size() > prefix_.size() + body_limit) {
      give_up(sink);
    } else if (!bytes.empty()) {
      bytes.remove_prefix(1);
      const auto seen = parse_mark(std::string_view(held_).substr(prefix_.size()));
      if (seen) {
        held_.clear();
        sink.on_mark(*seen);
      } else {
        held_ += mark_end;
        give_up(sink);
      }
    }
  }
}

} // namespace sandfleet::agent
