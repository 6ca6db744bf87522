#pragma once

#include <string>

namespace sandfleet::agent {

/// Follows a terminal's control sequences far enough to say where one ends and whether it changed
/// how plain text behaves from then on. Pure; the sequences are carried out elsewhere.
class escape_scanner {
 public:
  /// Takes one byte. True while inside of a sequence (this byte included, its last one not).
  bool next(char byte);

  /// Whether a sequence so far set a mode (character set, scroll region, insertion, alternate
  /// screen, tab stops, ...), so that printing text and newlines is more than advancing.
  [[nodiscard]] bool mode_set() const { return mode_set_; }

  void reset() { *this = {}; }

 private:
  enum class state { ground, escape, intermediate, control, string, string_escape };

  void end_of_control(char command);

  state state_ = state::ground;
  std::string parameters_;
  bool mode_set_ = false;
};

} // namespace sandfleet::agent
