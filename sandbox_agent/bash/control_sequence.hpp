#pragma once

#include <string>
#include <vector>

/// Control sequences (ECMA-48, 5.4) as a program may print them, and what of them reaches the
/// terminal's emulation: only those that change what a reader sees, whole, and with every number in
/// bounds. Pure.
namespace sandfleet::agent {

/// One sequence: `ESC [ LEADER PARAMETERS INTERMEDIATE COMMAND`, or `ESC INTERMEDIATE COMMAND`.
struct control_sequence {
  bool is_control = false;     ///< of the first form
  char leader = 0;             ///< '<' to '?'; 0: none
  std::vector<int> parameters; ///< at most 16, each at most 9,999; -1: left out
  char intermediate = 0;       ///< 0: none
  char command = 0;

  friend bool operator==(const control_sequence&, const control_sequence&) = default;
};

/// Takes a stream of bytes one by one. What is cancelled, malformed or a string (a title, a
/// picture) is dropped.
class sequence_reader {
 public:
  enum class outcome {
    foreign,  ///< the byte is no part of a sequence, and none is under way any more
    inside,   ///< a sequence goes on
    control,  ///< it goes on, and the byte is a control character to be carried out at once
    ended,    ///< it has ended without effect
    complete, ///< it has ended; `sequence` says what it was
  };

  outcome next(char byte);

  [[nodiscard]] bool inside() const { return state_ != state::ground; }

  /// Valid after `complete` until the next byte.
  [[nodiscard]] const control_sequence& sequence() const { return sequence_; }

  void reset() { *this = {}; }

 private:
  enum class state { ground, escape, control, string, string_escape };

  void begin(bool is_control);
  outcome end(bool valid);
  outcome in_escape(char byte);
  outcome in_control(char byte);
  void read_parameter(char byte);

  state state_ = state::ground;
  bool valid_ = true;
  bool full_ = false; ///< further parameters are dropped
  control_sequence sequence_;
};

/// What the emulation is told of a sequence; empty when it need not know. Repetition (REP) is not
/// among that: the terminal does it by itself.
[[nodiscard]] std::string emulated(const control_sequence& sequence);

/// Whether text and line ends may behave in another way from here on (character set, scroll region,
/// insertion, alternate screen, tab stops, ...).
[[nodiscard]] bool sets_mode(const control_sequence& sequence);

/// Whether it puts the cursor somewhere, be it where it stands.
[[nodiscard]] bool puts_cursor(const control_sequence& sequence);

/// Whether it blanks the whole screen, with the cursor at its first place or elsewhere.
[[nodiscard]] bool clears_screen(const control_sequence& sequence, bool at_home);

/// Whether it forgets what has scrolled off the screen.
[[nodiscard]] bool clears_history(const control_sequence& sequence);

/// How often REP (ECMA-48, 8.3.103) repeats the last character; 0 for all other sequences.
[[nodiscard]] int repetitions(const control_sequence& sequence);

} // namespace sandfleet::agent
