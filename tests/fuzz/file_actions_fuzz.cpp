#include "runtime/core/text.hpp"
#include "runtime/protocol/action_codec.hpp"
#include "runtime/protocol/utf8.hpp"
#include "sandbox_agent/files/editor_view.hpp"
#include "sandbox_agent/files/file_actions.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/lint.hpp"
#include "sandbox_agent/files/unified_diff.hpp"
#include "tests/fuzz/cage.hpp"
#include "tests/fuzz/input.hpp"

#include <cstdio>

namespace {

using namespace sandfleet;
using namespace sandfleet::agent::files;

void check_text(std::string_view bytes) {
  holds(utf8_fault(bytes).empty() == protocol::is_utf8(bytes));
  const auto text = universal_newlines(bytes);
  holds(text.find('\r') == std::string::npos && universal_newlines(text) == text);
  std::string joined;
  for (const auto line : lines_of(text))
    joined += line;
  holds(joined == text);
  const auto total = count_lines(text);
  holds(line_span(text, 1, total) == text);
  holds(line_span(text, 1, total / 2) + line_span(text, total / 2 + 1, total) == text);
  (void)numbered(text, "x");
  holds(strip(text).size() <= strip_right(text).size());

  const auto path = normal_path(bytes);
  holds(normal_path(path) == path && !path.empty());
  holds(path.find("/./") == std::string::npos && path.find("//", 1) == std::string::npos);
  holds(absolute_path(bytes, "/d").starts_with('/'));
}

std::size_t number_at(std::string_view text, std::size_t& at) {
  std::size_t number = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    number = number * 10 + static_cast<std::size_t>(text[at] - '0');
  return number;
}

/// "FIRST,COUNT" or "FIRST" from 1, as the lines [begin, end) from 0.
std::pair<std::size_t, std::size_t> range_at(std::string_view text, std::size_t& at) {
  const auto first = number_at(text, at);
  if (at >= text.size() || text[at] != ',')
    return {first - 1, first};
  const auto count = number_at(text, ++at);
  return count == 0 ? std::pair(first, first) : std::pair(first - 1, first - 1 + count);
}

/// The parts that a diff names are what differs, and all else is the same on both sides.
void check_diff(std::string_view before, std::string_view after) {
  const auto diff = unified_diff(before, after, "p");
  // A linter is the sandbox's, and may print anything.
  const auto brought = issues_of_change(parse_flake8(before), parse_flake8(after), before, after);
  holds(brought.empty() || lint_text(brought).ends_with('\n'));
  holds(diff.empty() == (before == after));
  if (diff.empty())
    return;
  const auto a = core::split(before, '\n');
  const auto b = core::split(after, '\n');
  auto shown = core::split(diff, '\n');
  std::size_t i = 0;
  std::size_t j = 0;
  std::size_t line = 2; // behind the two headings
  while (line < shown.size()) {
    std::size_t at = 4;
    const auto [a_begin, a_end] = range_at(shown[line], at);
    at += 2;
    const auto [b_begin, b_end] = range_at(shown[line], at);
    ++line;
    for (; i < a_begin; ++i, ++j)
      holds(a[i] == b[j]);
    holds(j == b_begin);
    for (; i < a_end; ++i, ++line)
      holds(shown[line] == strip_right("-" + std::string(a[i])));
    for (; j < b_end; ++j, ++line)
      holds(shown[line] == strip_right("+" + std::string(b[j])));
  }
  for (; i < a.size(); ++i, ++j)
    holds(a[i] == b[j]);
  holds(j == b.size());
}

std::int64_t any_line(fuzz_input& in) {
  const auto kind = in.byte() % 4;
  return kind == 0 ? static_cast<std::int64_t>(in.number())
                   : static_cast<std::int64_t>(in.byte()) - (kind == 1 ? 128 : 0);
}

/// Edits, reads and writes of one file.
void check_actions(fuzz_input& in) {
  const cage where;
  file_actions actions(where.inside(), std::nullopt);
  const auto path = where.inside("file");
  cage::write(path, in.text());
  for (int step = 0; step < 6 && !in.empty(); ++step) {
    const auto before = cage::read(path);
    const auto kind = in.byte() % 6;
    result<protocol::observation> seen = fail(errc::internal, "");
    if (kind == 0) {
      protocol::read_action read;
      read.path = "file";
      read.start = any_line(in);
      read.end = any_line(in);
      seen = actions.read(read, where.inside());
    } else if (kind == 1) {
      protocol::write_action write;
      write.path = "file";
      write.content = in.text(40);
      write.start = any_line(in);
      write.end = any_line(in);
      seen = actions.write(write, where.inside());
    } else if (kind == 2) {
      protocol::read_action view;
      view.path = path;
      view.impl_source = "oh_aci";
      if (in.flag())
        view.view_range = {any_line(in), any_line(in)};
      seen = actions.read(view, where.inside());
    } else {
      protocol::edit_action edit;
      edit.path = path;
      edit.command = kind == 3 ? "str_replace" : kind == 4 ? "insert" : "undo_edit";
      edit.old_str = in.text(20);
      edit.new_str = in.text(20);
      edit.insert_line = any_line(in);
      auto edited = actions.edit(edit);
      holds(!edited.change || edited.change->lint_at <= edited.seen.content.size());
      if (edited.seen.content.starts_with("ERROR:"))
        holds(cage::read(path) == before && !edited.change);
      seen = std::move(edited.seen);
    }
    if (kind == 0 || kind == 2)
      holds(cage::read(path) == before);
    if (seen)
      holds(protocol::is_utf8(protocol::encode(*seen)));
  }
  where.check_bait();
}

} // namespace

/// Files of any content: what is read of them is well-formed, what is not understood is not
/// changed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input in(data, size);
  switch (in.byte() % 3) {
  case 0:
    check_text(in.rest());
    break;
  case 1: {
    const auto before = in.text();
    check_diff(before, in.rest());
    break;
  }
  default:
    check_actions(in);
  }
  return 0;
}
