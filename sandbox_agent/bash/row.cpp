#include "sandbox_agent/bash/row.hpp"

#include <algorithm>

namespace sandfleet::agent {

namespace {

bool is_text(char32_t code) {
  return code >= 0x20 && (code < 0x7f || code >= 0xa0) && code <= 0x10FFFF &&
         (code < 0xD800 || code > 0xDFFF);
}

} // namespace

void append_utf8(std::string& out, char32_t code) {
  const auto tail = [&](unsigned shift) {
    out += static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | (code >> 12U));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0U | ((code >> 18U) & 7U));
    tail(12);
    tail(6);
    tail(0);
  }
}

void row::widen() {
  if (!wide_.empty())
    return;
  wide_.assign(narrow_.begin(), narrow_.end());
  narrow_ = {};
}

/// A character whose right half is in `column` is to lose one of its halves: both become blank.
void row::split(std::size_t column) {
  if (column == 0 || column >= wide_.size() || wide_[column] != U'\0')
    return;
  drop_combining(column - 1, column);
  wide_[column - 1] = wide_[column] = U' ';
}

void row::drop_combining(std::size_t from, std::size_t to) {
  if (!combining_.empty())
    combining_.erase(combining_.lower_bound(from), combining_.lower_bound(to));
}

void row::write_ascii(std::size_t column, std::string_view text) {
  const auto end = column + text.size();
  if (!wide_.empty()) {
    if (wide_.size() < end)
      wide_.resize(end, U' ');
    split(column);
    split(end);
    std::copy(text.begin(), text.end(), wide_.begin() + static_cast<std::ptrdiff_t>(column));
    drop_combining(column, end);
    return;
  }
  if (narrow_.size() < column)
    narrow_.resize(column, ' ');
  narrow_.replace(column, std::min(text.size(), narrow_.size() - column), text);
}

void row::write_glyph(std::size_t column, const std::uint32_t* code_points, int width) {
  const auto end = column + static_cast<std::size_t>(std::max(width, 1));
  const auto base = is_text(code_points[0]) ? static_cast<char32_t>(code_points[0]) : U'\uFFFD';
  if (base < 0x80 && code_points[1] == 0 && wide_.empty()) {
    const char byte = static_cast<char>(base);
    write_ascii(column, {&byte, 1});
    return;
  }
  widen();
  if (wide_.size() < end)
    wide_.resize(end, U' ');
  split(column);
  split(end);
  drop_combining(column, end);
  wide_[column] = base;
  std::fill(wide_.begin() + static_cast<std::ptrdiff_t>(column) + 1,
            wide_.begin() + static_cast<std::ptrdiff_t>(end), U'\0');
  for (std::size_t i = 1; i <= most_marks && code_points[i] != 0; ++i)
    combining_[column] += static_cast<char32_t>(code_points[i]);
}

void row::erase(std::size_t from, std::size_t to) {
  const auto size = length();
  to = std::min(to, size);
  if (from >= to)
    return;
  split(from);
  split(to);
  drop_combining(from, to);
  if (to == size) {
    if (wide_.empty())
      narrow_.resize(from);
    else
      wide_.resize(from);
  } else if (wide_.empty()) {
    narrow_.replace(from, to - from, to - from, ' ');
  } else {
    wide_.replace(from, to - from, to - from, U' ');
  }
}

void row::copy(std::size_t to, const row& source, std::size_t from, std::size_t count) {
  std::u32string cells(count, U' ');
  const auto available = source.length() > from ? std::min(count, source.length() - from) : 0;
  for (std::size_t i = 0; i < available; ++i)
    cells[i] = source.wide_.empty() ? static_cast<char32_t>(source.narrow_[from + i])
                                    : source.wide_[from + i];
  std::map<std::size_t, std::u32string> combining;
  for (const auto& [column, marks] : source.combining_) {
    if (column >= from && column < from + count)
      combining.emplace(column - from + to, marks);
  }
  widen();
  erase(to, to + count);
  if (available != 0) {
    if (wide_.size() < to + available)
      wide_.resize(to + available, U' ');
    std::copy_n(cells.begin(), available, wide_.begin() + static_cast<std::ptrdiff_t>(to));
    combining_.merge(combining);
  }
}

void row::append_to(std::string& out) const {
  if (wide_.empty()) {
    out += narrow_;
    return;
  }
  auto marks = combining_.begin();
  for (std::size_t column = 0; column < wide_.size(); ++column) {
    if (wide_[column] != U'\0')
      append_utf8(out, wide_[column]);
    if (marks != combining_.end() && marks->first == column) {
      for (const auto code : marks->second)
        append_utf8(out, code);
      ++marks;
    }
  }
}

std::string row::at(std::size_t column) const {
  std::string out;
  if (column >= length())
    return " ";
  if (wide_.empty())
    return {narrow_[column]};
  append_utf8(out, wide_[column]);
  if (const auto marks = combining_.find(column); marks != combining_.end()) {
    for (const auto code : marks->second)
      append_utf8(out, code);
  }
  return out;
}

} // namespace sandfleet::agent
