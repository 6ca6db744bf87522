#include "tools/cli/table.hpp"

#include <algorithm>
#include <array>
#include <ostream>

namespace sandfleet::cli {

namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t narrowest_last_column = 24;

/// ECMA-48 "select graphic rendition" parameters.
constexpr std::string_view code_of(tone t) {
  switch (t) {
  case tone::strong:
    return "1";
  case tone::dim:
    return "2";
  case tone::good:
    return "32";
  case tone::warning:
    return "33";
  case tone::bad:
    return "31";
  case tone::plain:
    break;
  }
  return "";
}

/// `text` in lines of at most `width` columns; a word that is longer stays whole.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find(' ', begin), text.size());
    const auto word = text.substr(begin, end - begin);
    auto& line = lines.back();
    if (line.empty())
      line = word;
    else if (display_width(line) + 1 + display_width(word) <= width)
      line += " " + word;
    else
      lines.push_back(word);
    begin = end + 1;
  }
  return lines;
}

} // namespace

std::string painted(std::string text, tone t, const stream_look& look) {
  const auto code = code_of(t);
  if (!look.colour || code.empty() || text.empty())
    return text;
  return "\x1b[" + std::string(code) + "m" + std::move(text) + "\x1b[0m";
}

std::string printable(std::string_view text, bool lines) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7f) || (lines && (c == '\n' || c == '\t')))
      out += c;
    else
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}

std::size_t display_width(std::string_view text) noexcept {
  // Every byte but UTF-8's continuation bytes begins a code point.
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

void print_table(std::ostream& out, const std::vector<std::string>& header,
                 const std::vector<std::vector<cell>>& rows, const stream_look& look) {
  std::vector<std::size_t> widths(header.size());
  for (std::size_t i = 0; i < header.size(); ++i) {
    widths[i] = display_width(header[i]);
    for (const auto& row : rows)
      if (i < row.size())
        widths[i] = std::max(widths[i], display_width(printable(row[i].text)));
  }
  std::size_t before_last = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i)
    before_last += widths[i] + gap;
  // Only a terminal's lines are wrapped: a file's are read by programs.
  const std::size_t room = !look.terminal ? std::string::npos
                           : look.width > before_last + narrowest_last_column
                               ? look.width - before_last
                               : narrowest_last_column;
  const auto print_row = [&](const std::vector<cell>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto text = printable(row[i].text);
      if (i + 1 < row.size()) {
        out << painted(text, row[i].look, look)
            << std::string(widths[i] + gap - display_width(text), ' ');
        continue;
      }
      const auto lines = room == std::string::npos ? std::vector{text} : wrapped(text, room);
      for (std::size_t n = 0; n < lines.size(); ++n)
        out << (n == 0 ? "" : "\n" + std::string(before_last, ' '))
            << painted(lines[n], row[i].look, look);
    }
    out << '\n';
  };
  std::vector<cell> titles;
  titles.reserve(header.size());
  for (const auto& title : header)
    titles.push_back({title, tone::strong});
  print_row(titles);
  for (const auto& row : rows)
    print_row(row);
}

} // namespace sandfleet::cli
