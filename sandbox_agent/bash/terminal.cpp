#include "sandbox_agent/bash/terminal.hpp"

#include <algorithm>
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

constexpr std::string_view replacement = "\xef\xbf\xbd";

/// How many bytes at the end of `bytes` begin a character that is not complete.
std::size_t incomplete_tail(std::string_view bytes) {
  for (std::size_t length = 1; length <= 3 && length <= bytes.size(); ++length) {
    const auto code = static_cast<unsigned char>(bytes[bytes.size() - length]);
    if ((code & 0xC0U) == 0x80U)
      continue;
    const std::size_t wanted = code >= 0xF0 ? 4 : code >= 0xE0 ? 3 : 2;
    return code >= 0xC0 && code < 0xF8 && length < wanted ? length : 0;
  }
  return 0;
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
    // Between a glyph in the last column and one in the first, the cursor is reported to have
    // moved unless it was a wrap.
    if (pos.col == 0 && t.wrap_pending_)
      target.continues = true;
    target.write_glyph(static_cast<std::size_t>(pos.col), info->chars, info->width);
    t.wrap_pending_ = pos.col + info->width >= columns;
    return 1;
  }

  static int move_cursor(VTermPos pos, VTermPos, int, void* user) {
    auto& t = self(user);
    t.wrap_pending_ = t.wrap_pending_ && pos.col >= columns - 2;
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
    t.row_at(rect.end_row - 1);
    const auto first = t.screen_.begin() + rect.start_row;
    const auto last = t.screen_.begin() + rect.end_row;
    const auto count = std::min(std::abs(downward), rect.end_row - rect.start_row);
    if (downward > 0) {
      std::move(first + count, last, first);
      std::fill(last - count, last, row{});
    } else {
      std::move_backward(first, last - count, last);
      std::fill(first, first + count, row{});
    }
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
    const int end = std::min(rect.end_row, static_cast<int>(t.screen_.size()));
    for (int i = rect.start_row; i < end; ++i) {
      auto& target = t.screen_[static_cast<std::size_t>(i)];
      target.erase(static_cast<std::size_t>(rect.start_col),
                   static_cast<std::size_t>(rect.end_col));
      if (rect.start_col == 0 && rect.end_col == columns)
        target.continues = false;
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
}

terminal::~terminal() = default;

void terminal::limit(text_limits limits) {
  limits_ = limits;
  history_.limit(limits);
}

void terminal::clear() {
  if (scanner_.mode_set() || in_sequence_) {
    // CAN takes the emulation out of a sequence, a whole character out of a part of one.
    constexpr std::string_view to_ground = "\x18\xc2\xa0";
    ::vterm_input_write(vterm_.get(), to_ground.data(), to_ground.size());
    ::vterm_state_reset(state_, 1);
  }
  scanner_.reset();
  in_sequence_ = after_text_ = wrap_pending_ = alternate_ = false;
  partial_.clear();
  untouched_ = true;
  screen_.clear();
  screen_.shrink_to_fit();
  primary_.clear();
  history_.clear();
  reply_.clear();
  row_ = column_ = 0;
  cursor_moved_ = true;
}

row& terminal::row_at(int index) {
  const auto wanted = static_cast<std::size_t>(index);
  if (wanted >= screen_.size())
    screen_.resize(wanted + 1);
  return screen_[wanted];
}

void terminal::scroll_up() {
  if (screen_.empty()) {
    history_.push(row{});
    return;
  }
  history_.push(screen_.front());
  screen_.pop_front();
}

void terminal::line_feed() {
  wrap_pending_ = false;
  if (row_ + 1 < rows)
    ++row_;
  else
    scroll_up();
}

void terminal::write_text(std::string_view printable) {
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
  ::vterm_input_write(vterm_.get(), input.data(), input.size());
  wrap_pending_ = wrap;
}

void terminal::write_emulated(std::string_view bytes, bool may_combine) {
  sync_cursor(may_combine);
  ::vterm_input_write(vterm_.get(), bytes.data(), bytes.size());
  VTermPos cursor{};
  ::vterm_state_get_cursorpos(state_, &cursor);
  row_ = cursor.row;
  column_ = cursor.col;
  after_text_ = false;
}

/// One control sequence or control byte, or as much of it as is here.
std::size_t terminal::write_sequence(std::string_view bytes) {
  std::size_t length = 0;
  do
    in_sequence_ = scanner_.next(bytes[length++]);
  while (in_sequence_ && length < bytes.size());
  write_emulated(bytes.substr(0, length));
  return length;
}

/// A run of characters beyond ASCII. The emulation's decoder would keep the begin of a character
/// that is never completed until the next one of its kind, so it gets whole characters only.
std::size_t terminal::write_characters(std::string_view bytes) {
  const auto end = std::find_if_not(bytes.begin(), bytes.end(), is_high);
  const auto length = static_cast<std::size_t>(end - bytes.begin());
  auto run = std::exchange(partial_, {});
  run += bytes.substr(0, length);
  const auto tail = incomplete_tail(run);
  if (tail != 0) {
    if (length == bytes.size())
      partial_ = run.substr(run.size() - tail);
    run.erase(run.size() - tail);
    if (length < bytes.size())
      run += replacement;
  }
  if (!run.empty())
    write_emulated(run, true);
  return length;
}

void terminal::write(std::string_view bytes) {
  untouched_ = untouched_ && bytes.empty();
  while (!bytes.empty()) {
    if (scanner_.mode_set() && !in_sequence_) {
      write_emulated(bytes); // until the next `clear`: how text behaves is no longer known here
      return;
    }
    const char byte = bytes.front();
    if (in_sequence_) {
      bytes.remove_prefix(write_sequence(bytes));
    } else if (is_high(byte) || !partial_.empty()) {
      bytes.remove_prefix(write_characters(bytes));
    } else if (is_printable(byte)) {
      const auto end = std::find_if_not(bytes.begin(), bytes.end(), is_printable);
      const auto length = static_cast<std::size_t>(end - bytes.begin());
      write_text(bytes.substr(0, length));
      bytes.remove_prefix(length);
    } else if (move_cursor(byte)) {
      bytes.remove_prefix(1);
    } else {
      bytes.remove_prefix(write_sequence(bytes));
    }
  }
}

/// The control bytes of plain text; false for any other.
bool terminal::move_cursor(char control) {
  if (control == '\n') {
    line_feed();
  } else if (control == '\r') {
    column_ = 0;
    wrap_pending_ = false;
  } else if (control == '\t' && !wrap_pending_) {
    column_ = std::min((column_ / 8 + 1) * 8, columns - 1);
  } else {
    return false;
  }
  cursor_moved_ = true;
  after_text_ = false;
  return true;
}

std::string terminal::text(bool& dropped) const {
  std::string out = history_.text();
  auto shown = screen_.size();
  const auto cursor = static_cast<std::size_t>(row_);
  while (shown > cursor + 1 && screen_[shown - 1].length() == 0)
    --shown;
  bool first = history_.empty();
  for (std::size_t i = 0; i < std::max(shown, cursor + 1); ++i) {
    const row* shown_row = i < screen_.size() ? &screen_[i] : nullptr;
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
