#pragma once

#include "sandbox_agent/bash/character_reader.hpp"
#include "sandbox_agent/bash/control_sequence.hpp"
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
/// the width come out in one piece. A screen that is blanked as a whole scrolls off, as tmux has
/// it, so that nothing that was shown is lost. The emulation behind it sees only well-formed
/// characters and whole sequences of known form (control_sequence.hpp), whatever comes in.
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

  /// A position on the screen, from 0.
  struct place {
    int row = 0;
    int column = 0;
    friend bool operator==(const place&, const place&) = default;
  };

  void write_printable(std::string_view text);
  void write_text(std::string_view printable);
  bool write_sequence_byte(char byte);
  void write_control(char control);
  std::size_t write_characters(std::string_view bytes);
  void write_emulated(std::string_view bytes);
  void write_well_formed(std::string_view characters);
  void emulate(std::string_view bytes);
  void adopt_cursor();
  void carry_out(const control_sequence& sequence);
  void repeat_glyph(int count);
  void forget_marks();
  void settle();
  void sync_cursor(bool with_last_glyph);
  void line_feed();
  void scroll_up();
  void scroll_off();
  row& row_at(int index);

  std::unique_ptr<VTerm, void (*)(VTerm*)> vterm_;
  VTermState* state_ = nullptr;
  sequence_reader sequences_;
  bool mode_set_ = false;     ///< how text behaves is known to the emulation alone, until `clear`
  bool was_emulated_ = false; ///< something, since the last `settle`
  bool inserts_ = false;      ///< text moves what stands behind it
  character_reader characters_;
  bool cursor_moved_ = false; ///< by us, unknown to the emulation
  bool after_text_ = false;   ///< what was last written is the ASCII character at the cursor's left
  bool untouched_ = true;

  using row_list = std::deque<std::unique_ptr<row>>;
  row_list screen_;  ///< as many rows as were used; nothing for a blank one
  row_list primary_; ///< the screen while the alternate one shows
  bool alternate_ = false;
  scrollback history_;
  text_limits limits_;
  int row_ = 0;
  int column_ = 0;
  bool wrap_pending_ = false;   ///< the last column was written and the cursor still stands on it
  bool in_last_column_ = false; ///< the emulation's cursor stood there before what it prints now
  place glyph_;                 ///< where the emulation printed last
  char32_t last_glyph_ = 0;     ///< what was printed last, without its marks; 0: nothing
  int glyph_width_ = 0;
  std::size_t marks_ = 0; ///< combining code points of the emulation's last glyph
  std::string reply_;
};

} // namespace sandfleet::agent
