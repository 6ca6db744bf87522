#pragma once

#include "sandbox_agent/bash/escape_scanner.hpp"
#include "sandbox_agent/bash/row.hpp"
#include "sandbox_agent/bash/scrollback.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct VTerm;
struct VTermState;

namespace sandfleet::agent {

/// A terminal of 1,000 columns and rows that turns what programs print into the text a reader
/// would see: overwriting, colours, cursor movement and full screens included. Lines longer than
/// the width come out in one piece.
class terminal {
 public:
  static constexpr int columns = 1000;
  static constexpr int rows = 1000;

  terminal();
  ~terminal();
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;

  void write(std::string_view bytes);

  /// The text so far, cut from the front to the limits; sets `dropped` when something was cut.
  [[nodiscard]] std::string text(bool& dropped) const;

  /// Whether nothing was written since the last `clear`.
  [[nodiscard]] bool untouched() const { return untouched_; }

  /// What the terminal answers to questions of programs (its kind, the cursor's position).
  [[nodiscard]] std::string take_reply() { return std::exchange(reply_, {}); }

  /// A fresh terminal.
  void clear();
  void limit(text_limits limits);

 private:
  struct callbacks;

  void write_text(std::string_view printable);
  std::size_t write_sequence(std::string_view bytes);
  std::size_t write_characters(std::string_view bytes);
  void write_emulated(std::string_view bytes, bool may_combine = false);
  void sync_cursor(bool with_last_glyph);
  bool move_cursor(char control);
  void line_feed();
  void scroll_up();
  row& row_at(int index);

  std::unique_ptr<VTerm, void (*)(VTerm*)> vterm_;
  VTermState* state_ = nullptr;
  escape_scanner scanner_;
  bool in_sequence_ = false;
  std::string partial_;       ///< the begin of a character in UTF-8
  bool cursor_moved_ = false; ///< by us, unknown to the emulation
  bool after_text_ = false;   ///< what was last written is the ASCII character at the cursor's left
  bool untouched_ = true;

  std::deque<row> screen_;  ///< as many rows as were used
  std::deque<row> primary_; ///< the screen while the alternate one shows
  bool alternate_ = false;
  scrollback history_;
  text_limits limits_;
  int row_ = 0;
  int column_ = 0;
  bool wrap_pending_ = false; ///< the last column was written and the cursor still stands on it
  std::string reply_;
};

} // namespace sandfleet::agent
