#include "sandbox_agent/bash/run_reply.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

namespace sandfleet::agent {

namespace {

constexpr std::string_view white = " \t\n\r\v\f";

constexpr std::string_view advice =
    "You may wait longer to see additional output by sending empty command '', "
    "send other commands to interact with the current process, "
    "send keys (\"C-c\", \"C-z\", \"C-d\") to interrupt/kill the previous command before sending "
    "your new command, "
    "or use the timeout parameter in execute_bash for future commands.";

std::string concat(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const auto part : parts)
    out += part;
  return out;
}

std::string_view strip_front(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(white), text.size()));
  return text;
}

std::string_view strip_back(std::string_view text) {
  return text.substr(0, text.find_last_not_of(white) + 1);
}

std::string_view without_prefix(std::string_view text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) == prefix)
    text.remove_prefix(prefix.size());
  return text;
}

} // namespace

std::string python_float(double value) {
  std::array<char, 64> digits{};
  // Both print the shortest digits that read back as the same number; Python turns to the
  // exponent form below 1e-4 and from 1e16 on.
  const auto size = std::abs(value);
  const auto form = size != 0 && (size < 1e-4 || size >= 1e16) ? std::chars_format::scientific
                                                               : std::chars_format::fixed;
  const auto [end, failure] =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, form);
  std::string out(digits.data(), end);
  if (failure == std::errc{} && out.find_first_of(".en") == std::string::npos)
    out += ".0";
  return out;
}

std::optional<char> special_key(std::string_view command) {
  command = stripped(command);
  if (command.size() != 3 || command.substr(0, 2) != "C-")
    return std::nullopt;
  return command.back();
}

std::string_view stripped(std::string_view text) {
  return strip_back(strip_front(text));
}

std::string strip_lines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (;;) {
    const auto end = text.find('\n');
    out += strip_back(text.substr(0, end));
    if (end == std::string_view::npos)
      return out;
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

std::string new_output(std::string_view screen, std::string_view before, std::string_view echoed) {
  auto fresh = strip_front(without_prefix(screen, before));
  if (!echoed.empty())
    fresh = strip_front(without_prefix(fresh, strip_front(echoed)));
  return std::string(strip_back(fresh));
}

std::string no_change_suffix(std::chrono::milliseconds limit) {
  const auto seconds = limit.count() % 1000 == 0
                           ? std::to_string(limit.count() / 1000)
                           : python_float(static_cast<double>(limit.count()) / 1000);
  return concat({"\n[The command has no new output after ", seconds, " seconds. ", advice, "]"});
}

std::string time_out_suffix(double seconds) {
  return concat(
      {"\n[The command timed out after ", python_float(seconds), " seconds. ", advice, "]"});
}

std::string not_executed_suffix(std::string_view command) {
  return concat({"\n[Your command \"", command,
                 "\" is NOT executed. The previous command is still running - You CANNOT send new "
                 "commands until the previous command is completed. By setting `is_input` to "
                 "`true`, you can interact with the current process: ",
                 advice, "]"});
}

std::string completed_suffix(int exit_code, std::optional<char> key) {
  const auto code = std::to_string(exit_code);
  if (!key)
    return concat({"\n[The command completed with exit code ", code, ".]"});
  const char shown = static_cast<char>(std::toupper(static_cast<unsigned char>(*key)));
  return concat(
      {"\n[The command completed with exit code ", code, ". CTRL+", {&shown, 1}, " was sent.]"});
}

std::string truncated_prefix(std::string_view shown) {
  auto lines = std::count(shown.begin(), shown.end(), '\n');
  if (!shown.empty() && shown.back() != '\n')
    ++lines;
  return concat({"[Previous command outputs are truncated. Showing the last ",
                 std::to_string(lines), " lines of the output below.]\n"});
}

protocol::run_observation nothing_to_show() {
  protocol::run_observation out;
  out.content = "ERROR: No previous running command to retrieve logs from.";
  return out;
}

protocol::run_observation nothing_to_talk_to() {
  protocol::run_observation out;
  out.content = "ERROR: No previous running command to interact with.";
  return out;
}

protocol::error_observation several_commands(const std::vector<std::string>& found) {
  protocol::error_observation out;
  out.content = "ERROR: Cannot execute multiple commands at once.\n"
                "Please run each command separately OR chain them into a single command via && or "
                ";\nProvided commands:";
  for (std::size_t i = 0; i < found.size(); ++i)
    out.content += concat({"\n(", std::to_string(i + 1), ") ", found[i]});
  return out;
}

} // namespace sandfleet::agent
