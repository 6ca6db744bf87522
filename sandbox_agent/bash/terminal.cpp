#include "sandbox_agent/bash/terminal.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vterm.h>

namespace sandfleet::agent {

namespace {

bool is_printable(char byte) {
  return byte >= 0x20 && byte < 0x7f;
}
bool is_high(char byte) {
  return (static_cast<unsigned char>(byte) & 0x80U) != 0;
}

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

} // namespace

/// What libvterm's state layer says that the screen shall do.
struct terminal::callbacks {
  static terminal& self(void* user) { return *static_cast<terminal*>(user); }

  /// Some sequences bring libvterm 0.1 to report places outside of the screen.
  static bool inside(VTermPos pos) {
    return pos.row >= 0 && pos.row < rows && pos.col >= 0 && pos.col < columns;
  }
  static bool inside(VTermRect rect) {
    return rect.start_row >= 0 && rect.start_row <= rect.end_row && rect.end_row <= rows &&
           rect.start_col >= 0 && rect.start_col <= rect.end_col && rect.end_col <= columns;
  }

  static int put_glyph(VTermGlyphInfo* info, VTermPos pos, void* user) {
    if (!inside(pos))
      return 1;
    auto& t = self(user);
    auto& target = t.row_at(pos.row);
    t.marks_ = 0;
    while (info->chars[0] != 0 && info->chars[t.marks_ + 1] != 0)
      ++t.marks_;
    if (info->width > 0)
      t.last_glyph_ = info->chars[0];
    t.glyph_ = {pos.row, pos.col};
    t.glyph_width_ = info->width;
    // Between a glyph in the last column and one in the first, the cursor is reported to have
    // moved unless it was a wrap.
    const bool did_not_fit = info->width > 1 && t.in_last_column_;
    if (pos.col == 0 && (t.wrap_pending_ || did_not_fit))
      target.continues = true;
    target.write_glyph(static_cast<std::size_t>(pos.col), info->chars, info->width);
    t.wrap_pending_ = pos.col + info->width >= columns;
    return 1;
  }

  static int move_cursor(VTermPos pos, VTermPos, int, void* user) {
    auto& t = self(user);
    t.wrap_pending_ = t.wrap_pending_ && t.glyph_ == place{pos.row, pos.col};
    return 1;
  }

  static int scroll_rect(VTermRect rect, int downward, int rightward, void* user) {
    if (!inside(rect))
      return 1;
    auto& t = self(user);
    if (rightward != 0 || rect.start_col != 0 || rect.end_col != columns || downward == 0)
      return 0;
    if (downward > 0 && rect.start_row == 0 && rect.end_row == rows && !t.alternate_) {
      for (int i = 0; i < downward; ++i)
        t.scroll_up();
      return 1;
    }
    if (rect.start_row >= static_cast<int>(t.screen_.size()))
      return 1;
    if (static_cast<int>(t.screen_.size()) < rect.end_row)
      t.screen_.resize(static_cast<std::size_t>(rect.end_row));
    const auto first = t.screen_.begin() + rect.start_row;
    const auto last = t.screen_.begin() + rect.end_row;
    const auto count = std::min(std::abs(downward), rect.end_row - rect.start_row);
    const auto freed = downward > 0 ? last - count : first;
    if (downward > 0)
      std::move(first + count, last, first);
    else
      std::move_backward(first, last - count, last);
    std::for_each(freed, freed + count, [](auto& one) { one.reset(); });
    return 1;
  }

  static int move_rect(VTermRect dest, VTermRect src, void* user) {
    if (!inside(dest) || !inside(src))
      return 1;
    auto& t = self(user);
    const int height = dest.end_row - dest.start_row;
    const bool upwards = dest.start_row <= src.start_row;
    for (int i = 0; i < height; ++i) {
      const int offset = upwards ? i : height - 1 - i;
      t.row_at(std::max(dest.start_row, src.start_row) + offset); // both exist from here on
      const row source = t.row_at(src.start_row + offset);
      t.row_at(dest.start_row + offset)
          .copy(static_cast<std::size_t>(dest.start_col), source,
                static_cast<std::size_t>(src.start_col),
                static_cast<std::size_t>(src.end_col - src.start_col));
    }
    return 1;
  }

  static int erase(VTermRect rect, int, void* user) {
    if (!inside(rect))
      return 1;
    auto& t = self(user);
    const int used = static_cast<int>(t.screen_.size());
    const bool whole_rows = rect.start_col == 0 && rect.end_col == columns;
    if (whole_rows && rect.end_row >= used) {
      t.screen_.resize(static_cast<std::size_t>(std::min(rect.start_row, used)));
      return 1;
    }
    for (int i = rect.start_row; i < std::min(rect.end_row, used); ++i) {
      auto& target = t.screen_[static_cast<std::size_t>(i)];
      if (whole_rows)
        target.reset();
      else if (target)
        target->erase(static_cast<std::size_t>(rect.start_col),
                      static_cast<std::size_t>(rect.end_col));
    }
    return 1;
  }

  static int set_property(VTermProp property, VTermValue* value, void* user) {
    auto& t = self(user);
    if (property == VTERM_PROP_ALTSCREEN && (value->boolean != 0) != t.alternate_) {
      t.alternate_ = value->boolean != 0;
      if (t.alternate_)
        t.primary_ = std::exchange(t.screen_, {});
      else
        t.screen_ = std::exchange(t.primary_, {});
    }
    return 1;
  }

  static void reply(const char* bytes, size_t length, void* user) {
    constexpr std::size_t longest = 4096;
    auto& t = self(user);
    if (t.reply_.size() + length <= longest)
      t.reply_.append(bytes, length);
  }
};

terminal::terminal() : vterm_(::vterm_new(rows, columns), &::vterm_free) {
  static const VTermStateCallbacks table = [] {
    VTermStateCallbacks t{};
    t.putglyph = &callbacks::put_glyph;
    t.movecursor = &callbacks::move_cursor;
    t.scrollrect = &callbacks::scroll_rect;
    t.moverect = &callbacks::move_rect;
    t.erase = &callbacks::erase;
    t.settermprop = &callbacks::set_property;
    return t;
  }();
  ::vterm_set_utf8(vterm_.get(), 1);
  ::vterm_output_set_callback(vterm_.get(), &callbacks::reply, this);
  state_ = ::vterm_obtain_state(vterm_.get());
  ::vterm_state_set_callbacks(state_, &table, this);
  ::vterm_state_reset(state_, 1);
  was_emulated_ = true;
  clear();
}

terminal::~terminal() = default;

void terminal::limit(text_limits limits) {
  limits_ = limits;
  history_.limit(limits);
}

/// Makes of what a reset leaves alone (the saved cursor, the glyph that a combining character would
/// join) the same as ever.
void terminal::settle() {
  constexpr std::string_view home_saved_and_a_blank = "\x1b[H\x1b"
                                                      "7 ";
  emulate(home_saved_and_a_blank);
  was_emulated_ = false;
}

void terminal::clear() {
  if (std::exchange(mode_set_, false))
    ::vterm_state_reset(state_, 1);
  if (was_emulated_)
    settle();
  sequences_.reset();
  inserts_ = after_text_ = wrap_pending_ = alternate_ = false;
  characters_.reset();
  untouched_ = true;
  screen_.clear();
  screen_.shrink_to_fit();
  primary_.clear();
  history_.clear();
  reply_.clear();
  row_ = column_ = 0;
  last_glyph_ = 0;
  cursor_moved_ = true;
}

row& terminal::row_at(int index) {
  const auto wanted = static_cast<std::size_t>(index);
  if (wanted >= screen_.size())
    screen_.resize(wanted + 1);
  auto& found = screen_[wanted];
  if (!found)
    found = std::make_unique<row>();
  return *found;
}

void terminal::scroll_up() {
  if (screen_.empty()) {
    history_.push(row{});
    return;
  }
  history_.push(screen_.front() ? *screen_.front() : row{});
  screen_.pop_front();
}

void terminal::scroll_off() {
  while (!screen_.empty() && (!screen_.back() || screen_.back()->length() == 0))
    screen_.pop_back();
  while (!screen_.empty())
    scroll_up();
}

void terminal::line_feed() {
  wrap_pending_ = false;
  if (row_ + 1 < rows)
    ++row_;
  else
    scroll_up();
}

void terminal::write_text(std::string_view printable) {
  last_glyph_ = static_cast<unsigned char>(printable.back());
  while (!printable.empty()) {
    bool continued = false;
    if (wrap_pending_) {
      line_feed();
      column_ = 0;
      continued = true;
    }
    auto& target = row_at(row_);
    target.continues |= continued;
    const auto room = static_cast<std::size_t>(columns - column_);
    const auto piece = printable.substr(0, room);
    target.write_ascii(static_cast<std::size_t>(column_), piece);
    printable.remove_prefix(piece.size());
    column_ += static_cast<int>(piece.size());
    if (column_ == columns) {
      column_ = columns - 1;
      wrap_pending_ = true;
    }
  }
  cursor_moved_ = after_text_ = true;
}

/// The emulation is to print from where we stand. It keeps to itself what only a glyph brings
/// about: that the last column is full, and which glyph a combining character joins; so the last
/// glyph is printed once more.
void terminal::sync_cursor(bool with_last_glyph) {
  if (!std::exchange(cursor_moved_, false))
    return;
  const bool wrap = wrap_pending_;
  const bool again = wrap || (with_last_glyph && after_text_);
  const int column = again && !wrap ? column_ - 1 : column_;
  std::string input = "\x1b[";
  input.append(std::to_string(row_ + 1)).append(";").append(std::to_string(column + 1)).append("H");
  if (again)
    input += row_at(row_).at(static_cast<std::size_t>(column));
  wrap_pending_ = false;
  emulate(input);
  wrap_pending_ = wrap;
}

/// ASCII: sequences, control characters, text where a mode is set.
void terminal::write_emulated(std::string_view bytes) {
  sync_cursor(false);
  constexpr std::size_t largest_piece = 4096; // the emulation decodes a piece on its stack
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), largest_piece)))
    emulate(bytes.substr(0, largest_piece));
  adopt_cursor();
}

/// One by one, so that what becomes of many marks does not depend on how they arrive.
void terminal::write_well_formed(std::string_view characters) {
  sync_cursor(true);
  while (!characters.empty()) {
    std::size_t length = 1;
    while (length < characters.size() && is_continuation(characters[length]))
      ++length;
    VTermPos cursor{};
    ::vterm_state_get_cursorpos(state_, &cursor);
    in_last_column_ = cursor.col == columns - 1;
    emulate(characters.substr(0, length));
    characters.remove_prefix(length);
    if (marks_ > row::most_marks)
      forget_marks();
  }
  adopt_cursor();
}

void terminal::emulate(std::string_view bytes) {
  was_emulated_ = true;
  ::vterm_input_write(vterm_.get(), bytes.data(), bytes.size());
}

void terminal::adopt_cursor() {
  VTermPos cursor{};
  ::vterm_state_get_cursorpos(state_, &cursor);
  row_ = cursor.row;
  column_ = cursor.col;
  after_text_ = false;
}

/// The emulation holds all combining characters of its last glyph, however many, and looks through
/// them at each further one. Printed anew, that glyph has those that are kept of it.
void terminal::forget_marks() {
  const bool wrap = wrap_pending_;
  auto& target = row_at(glyph_.row);
  const auto back = "\x1b[" + std::to_string(glyph_.column + 1) + "G";
  std::string input = inserts_ ? "\x1b[4l" : "";
  // Nothing but marks would join itself, so a blank takes its place and does not stay.
  const auto before = glyph_width_ == 0 ? std::optional(target) : std::nullopt;
  if (before)
    input.append(back).append(" ").append(back);
  else
    input.append(back).append(target.at(static_cast<std::size_t>(glyph_.column)));
  if (inserts_)
    input += "\x1b[4h";
  wrap_pending_ = false;
  emulate(input);
  wrap_pending_ = wrap;
  if (before)
    target = *before;
}

/// A byte of a control sequence, or the one that shows that there is none.
bool terminal::write_sequence_byte(char byte) {
  switch (sequences_.next(byte)) {
  case sequence_reader::outcome::foreign:
    return false;
  case sequence_reader::outcome::control:
    write_control(byte);
    break;
  case sequence_reader::outcome::complete:
    carry_out(sequences_.sequence());
    break;
  case sequence_reader::outcome::inside:
  case sequence_reader::outcome::ended:
    break;
  }
  return true;
}

void terminal::carry_out(const control_sequence& sequence) {
  if (const int count = repetitions(sequence); count != 0)
    return repeat_glyph(count);
  if (!alternate_ && clears_screen(sequence, row_ == 0 && column_ == 0))
    scroll_off();
  if (clears_history(sequence))
    history_.clear();
  const auto bytes = emulated(sequence);
  if (bytes.empty())
    return;
  write_emulated(bytes);
  if (puts_cursor(sequence))
    wrap_pending_ = false;
  if (sets_mode(sequence))
    mode_set_ = true;
  if (bytes.find("\x1b[4h") != std::string::npos)
    inserts_ = true;
  else if (bytes.find("\x1b[4l") != std::string::npos || bytes == "\x1b"
                                                                  "c")
    inserts_ = false;
}

void terminal::repeat_glyph(int count) {
  if (last_glyph_ == 0)
    return;
  std::string glyph;
  append_utf8(glyph, last_glyph_);
  std::string text;
  for (int i = 0; i < std::min(count, columns); ++i)
    text += glyph;
  if (glyph.size() == 1)
    write_printable(text);
  else
    write_well_formed(text);
}

std::size_t terminal::write_characters(std::string_view bytes) {
  const auto end = std::find_if_not(bytes.begin(), bytes.end(), is_high);
  const auto length = static_cast<std::size_t>(end - bytes.begin());
  const auto text = characters_.read(bytes.substr(0, length), length < bytes.size());
  if (!text.empty())
    write_well_formed(text);
  return length;
}

void terminal::write(std::string_view bytes) {
  untouched_ = untouched_ && bytes.empty();
  while (!bytes.empty()) {
    const char byte = bytes.front();
    if (!characters_.waits() && (sequences_.inside() || byte == '\x1b')) {
      if (write_sequence_byte(byte))
        bytes.remove_prefix(1);
    } else if (is_high(byte) || characters_.waits()) {
      bytes.remove_prefix(write_characters(bytes));
    } else if (is_printable(byte)) {
      const auto end = std::find_if_not(bytes.begin(), bytes.end(), is_printable);
      const auto length = static_cast<std::size_t>(end - bytes.begin());
      write_printable(bytes.substr(0, length));
      bytes.remove_prefix(length);
    } else {
      write_control(byte);
      bytes.remove_prefix(1);
    }
  }
}

void terminal::write_printable(std::string_view text) {
  if (mode_set_)
    write_emulated(text);
  else
    write_text(text);
}

/// Those that say where text goes; the others have no effect.
void terminal::write_control(char control) {
  constexpr char shift_out = '\x0e';
  constexpr char shift_in = '\x0f';
  const bool feeds = control == '\n' || control == '\v' || control == '\f';
  if (!feeds && std::string_view("\b\t\r\x0e\x0f").find(control) == std::string_view::npos)
    return;
  if (mode_set_ || control == shift_out) {
    // The emulation would wrap once more after a line feed in the last row.
    if (feeds && std::exchange(wrap_pending_, false))
      write_emulated("\x1b[" + std::to_string(column_ + 1) + "G");
    write_emulated({&control, 1});
    mode_set_ = true;
    return;
  }
  if (control == shift_in || (control == '\t' && wrap_pending_))
    return;
  if (feeds)
    line_feed();
  else if (control == '\r')
    column_ = 0;
  else if (control == '\t')
    column_ = std::min((column_ / 8 + 1) * 8, columns - 1);
  else
    column_ = std::max(0, column_ - 1);
  wrap_pending_ = false;
  cursor_moved_ = true;
  after_text_ = false;
}

std::string terminal::text(bool& dropped) const {
  std::string out = history_.text();
  auto shown = screen_.size();
  const auto cursor = static_cast<std::size_t>(row_);
  while (shown > cursor + 1 && (!screen_[shown - 1] || screen_[shown - 1]->length() == 0))
    --shown;
  bool first = history_.empty();
  for (std::size_t i = 0; i < std::max(shown, cursor + 1); ++i) {
    const row* shown_row = i < screen_.size() ? screen_[i].get() : nullptr;
    if (!first && !(shown_row && shown_row->continues))
      out += '\n';
    first = false;
    if (shown_row)
      shown_row->append_to(out);
  }
  dropped = cut_front(out, limits_) || history_.dropped();
  return out;
}

} // namespace sandfleet::agent
