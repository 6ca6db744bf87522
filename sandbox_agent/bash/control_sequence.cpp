#include "sandbox_agent/bash/control_sequence.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace sandfleet::agent {

namespace {

constexpr char escape = '\x1b';
constexpr std::size_t most_parameters = 16;
constexpr int highest_parameter = 9999;

bool is_one_of(char byte, std::string_view set) {
  return set.find(byte) != std::string_view::npos;
}

bool is_intermediate(char byte) {
  return byte >= 0x20 && byte <= 0x2f;
}

/// Private modes by which text comes to stand elsewhere: origin, wrapping, the alternate screen,
/// saving the cursor. The others concern the cursor's look, colours, keys and the mouse.
constexpr auto acting_private_modes = std::to_array<int>({6, 7, 47, 1047, 1048, 1049});
/// Insertion, and line feeds that return too.
constexpr auto acting_modes = std::to_array<int>({4, 20});

std::string spelt(const control_sequence& sequence) {
  std::string text(1, escape);
  if (sequence.is_control)
    text += '[';
  if (sequence.leader != 0)
    text += sequence.leader;
  for (std::size_t i = 0; i < sequence.parameters.size(); ++i) {
    if (i > 0)
      text += ';';
    if (sequence.parameters[i] >= 0)
      text += std::to_string(sequence.parameters[i]);
  }
  if (sequence.intermediate != 0)
    text += sequence.intermediate;
  text += sequence.command;
  return text;
}

bool is_mode_change(const control_sequence& sequence) {
  return sequence.is_control && sequence.intermediate == 0 && is_one_of(sequence.command, "hl") &&
         (sequence.leader == 0 || sequence.leader == '?');
}

/// Each mode in a sequence of its own: not every emulation reads more than the first.
std::string mode_changes(const control_sequence& sequence) {
  std::string text;
  const bool is_private = sequence.leader == '?';
  for (const int mode : sequence.parameters) {
    const bool acts =
        is_private ? std::ranges::find(acting_private_modes, mode) != acting_private_modes.end()
                   : std::ranges::find(acting_modes, mode) != acting_modes.end();
    if (!acts)
      continue;
    auto one = sequence;
    one.parameters = {mode == 47 ? 1047 : mode};
    text += spelt(one);
  }
  return text;
}

/// Moving, erasing, inserting, deleting, scrolling, and questions that are answered. Not the ones
/// that touch each cell of a screen this large for a few bytes: columns moved over all rows (DECIC,
/// DECDC), the alignment test (DECALN).
bool control_acts(const control_sequence& sequence) {
  const char command = sequence.command;
  switch (sequence.intermediate) {
  case 0:
    return sequence.leader == 0     ? is_one_of(command, "@ABCDEFGHIJKLMPSTXZ`acdefgjknr")
           : sequence.leader == '?' ? is_one_of(command, "JKn")
                                    : sequence.leader == '>' && command == 'c';
  case '$':
    return sequence.leader == '?' && command == 'p';
  default:
    return false;
  }
}

bool escape_acts(const control_sequence& sequence) {
  if (sequence.intermediate == 0)
    return is_one_of(sequence.command, "78DEHMNOcno|}~");
  return is_one_of(sequence.intermediate, "()*+") && is_one_of(sequence.command, "0AB");
}

} // namespace

void sequence_reader::begin(bool is_control) {
  state_ = is_control ? state::control : state::escape;
  valid_ = true;
  full_ = false;
  sequence_.is_control = is_control;
  sequence_.leader = sequence_.intermediate = sequence_.command = 0;
  sequence_.parameters.clear();
}

sequence_reader::outcome sequence_reader::end(bool valid) {
  state_ = state::ground;
  return valid ? outcome::complete : outcome::ended;
}

sequence_reader::outcome sequence_reader::next(char byte) {
  const auto code = static_cast<unsigned char>(byte);
  const bool in_string = state_ == state::string || state_ == state::string_escape;
  if (byte == escape) {
    if (in_string)
      state_ = state::string_escape;
    else
      begin(false);
    return outcome::inside;
  }
  if (state_ == state::ground)
    return outcome::foreign;
  if (code == 0x18 || code == 0x1a || (in_string && byte == '\a')) // CAN and SUB end everything
    return end(false);
  if (code < 0x20)
    return outcome::control;
  if (code == 0x7f || state_ == state::string)
    return outcome::inside;
  if (code >= 0x80) {
    state_ = state::ground;
    return outcome::foreign;
  }
  if (state_ == state::control)
    return in_control(byte);
  if (state_ == state::string_escape) {
    if (byte == '\\')
      return end(false);
    begin(false);
  }
  return in_escape(byte);
}

sequence_reader::outcome sequence_reader::in_escape(char byte) {
  if (is_intermediate(byte)) {
    valid_ = valid_ && sequence_.intermediate == 0;
    sequence_.intermediate = byte;
    return outcome::inside;
  }
  if (sequence_.intermediate == 0 && byte == '[') {
    begin(true);
    return outcome::inside;
  }
  if (sequence_.intermediate == 0 && is_one_of(byte, "]PX^_")) {
    state_ = state::string;
    return outcome::inside;
  }
  sequence_.command = byte;
  return end(valid_);
}

sequence_reader::outcome sequence_reader::in_control(char byte) {
  auto& read = sequence_;
  if (is_intermediate(byte)) {
    valid_ = valid_ && read.intermediate == 0;
    read.intermediate = byte;
  } else if (byte >= '<' && byte <= '?') {
    valid_ = valid_ && read.leader == 0 && read.intermediate == 0 && read.parameters.empty();
    read.leader = byte;
  } else if (byte < '<') {
    valid_ = valid_ && read.intermediate == 0;
    read_parameter(byte);
  } else {
    read.command = byte;
    return end(valid_);
  }
  return outcome::inside;
}

/// A digit, or what stands between two parameters.
void sequence_reader::read_parameter(char byte) {
  auto& read = sequence_.parameters;
  if (read.empty())
    read.push_back(-1);
  if (byte == ';' || byte == ':') {
    full_ = full_ || read.size() == most_parameters;
    if (!full_)
      read.push_back(-1);
  } else if (!full_) {
    read.back() = std::min(std::max(read.back(), 0) * 10 + (byte - '0'), highest_parameter);
  }
}

std::string emulated(const control_sequence& sequence) {
  if (!sequence.is_control)
    return escape_acts(sequence) ? spelt(sequence) : std::string();
  if (is_mode_change(sequence))
    return mode_changes(sequence);
  // Widely used to save and restore the cursor; libvterm knows the DEC spelling alone.
  const bool bare =
      sequence.leader == 0 && sequence.intermediate == 0 && sequence.parameters.empty();
  if (bare && is_one_of(sequence.command, "su"))
    return sequence.command == 's' ? "\x1b"
                                     "7"
                                   : "\x1b"
                                     "8";
  return control_acts(sequence) ? spelt(sequence) : std::string();
}

bool sets_mode(const control_sequence& sequence) {
  if (is_mode_change(sequence))
    return !mode_changes(sequence).empty();
  if (sequence.is_control)
    return control_acts(sequence) && sequence.leader == 0 && is_one_of(sequence.command, "gr");
  const bool ascii = sequence.intermediate == '(' && sequence.command == 'B';
  return escape_acts(sequence) && !ascii &&
         (sequence.intermediate != 0 || is_one_of(sequence.command, "HNOcno|}~"));
}

bool puts_cursor(const control_sequence& sequence) {
  return sequence.is_control && sequence.leader == 0 && sequence.intermediate == 0 &&
         is_one_of(sequence.command, "ABCDEFGH`adefjkr");
}

namespace {

/// What `ED` (ECMA-48, 8.3.39) is to erase: 0 from the cursor on, 1 up to it, 2 all, 3 (xterm's)
/// what has scrolled off; -1 for another sequence.
int erased_part(const control_sequence& sequence) {
  if (!sequence.is_control || sequence.leader != 0 || sequence.intermediate != 0 ||
      sequence.command != 'J')
    return -1;
  return sequence.parameters.empty() ? 0 : std::max(0, sequence.parameters.front());
}

} // namespace

bool clears_screen(const control_sequence& sequence, bool at_home) {
  if (!sequence.is_control)
    return sequence.intermediate == 0 && sequence.command == 'c';
  const int part = erased_part(sequence);
  return part == 2 || (part == 0 && at_home);
}

bool clears_history(const control_sequence& sequence) {
  return erased_part(sequence) == 3;
}

int repetitions(const control_sequence& sequence) {
  if (!sequence.is_control || sequence.leader != 0 || sequence.intermediate != 0 ||
      sequence.command != 'b')
    return 0;
  return sequence.parameters.empty() ? 1 : std::max(1, sequence.parameters.front());
}

} // namespace sandfleet::agent
