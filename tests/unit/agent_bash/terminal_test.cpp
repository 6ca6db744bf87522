#include "sandbox_agent/bash/terminal.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sandfleet::agent {
namespace {

std::string shown(const std::string& bytes, text_limits limits = {}, bool* cut = nullptr) {
  terminal screen;
  screen.limit(limits);
  screen.write(bytes);
  bool dropped = false;
  auto text = screen.text(dropped);
  if (cut)
    *cut = dropped;
  // However the bytes arrive, the text is the same.
  terminal bytewise;
  bytewise.limit(limits);
  if (bytes.size() < 20000) {
    for (const char byte : bytes)
      bytewise.write({&byte, 1});
    EXPECT_EQ(bytewise.text(dropped), text);
  }
  return text;
}

std::string repeat(const std::string& unit, int count) {
  std::string out;
  for (int i = 0; i < count; ++i)
    out += unit;
  return out;
}

TEST(terminal, plain_text_and_line_ends) {
  EXPECT_EQ(shown(""), "");
  EXPECT_EQ(shown("a\r\nb\r\n"), "a\nb\n");
  EXPECT_EQ(shown("a\nb"), "a\n b");
  EXPECT_EQ(shown("\r\n\r\nx"), "\n\nx");
  EXPECT_EQ(shown("a\tb\t\tc"), "a       b               c");
  EXPECT_EQ(shown("ab\b\bxy"), "xy");
  EXPECT_EQ(shown("trailing  \r\n"), "trailing  \n");
}

TEST(terminal, progress_bars_overwrite_their_line) {
  EXPECT_EQ(shown("  1%\r 50%\r100%\r\ndone"), "100%\ndone");
  EXPECT_EQ(shown("long line\r\x1b[Kshort"), "short");
  EXPECT_EQ(shown("a\r\nb\r\n\x1b[2A\x1b[2Kx\r\ny\r\n"), "x\ny\n");
}

TEST(terminal, colours_titles_and_bells_leave_no_trace) {
  EXPECT_EQ(
      shown("\x1b[1;31mred\x1b[0m \x1b[38;5;9mx\x1b[m\x1b]0;title\aend\a\x1b]8;;http://x\x1b\\l"),
      "red xendl");
  EXPECT_EQ(shown("\x1b[?2004hprompt\x1b[?2004l\x1b[?25l!"), "prompt!");
  EXPECT_EQ(shown("\x1bP1;2qdata\x1b\\after"), "after");
}

TEST(terminal, wide_and_combining_characters_and_invalid_bytes) {
  EXPECT_EQ(shown("\xe4\xbd\xa0\xe5\xa5\xbd!"), "\xe4\xbd\xa0\xe5\xa5\xbd!");
  EXPECT_EQ(shown("e\xcc\x81x \xf0\x9f\x98\x80"), "e\xcc\x81x \xf0\x9f\x98\x80");
  EXPECT_EQ(shown("\xe4\xbdx\xe4\r\n\xc3\xa4"), "\xef\xbf\xbdx\xef\xbf\xbd\n\xc3\xa4");
  EXPECT_EQ(shown("\xc3\xa4\r\nx\xc3\xa4\r\xc3\xb6"), "\xc3\xa4\n\xc3\xb6\xc3\xa4");
  EXPECT_EQ(shown("a\xff\xfe"
                  "b"),
            "a\xef\xbf\xbd\xef\xbf\xbd"
            "b");
}

TEST(terminal, half_of_a_wide_character_does_not_stay) {
  EXPECT_EQ(shown("\u6f22\u5b57\rx"), "x \u5b57");
  EXPECT_EQ(shown("\u6f22\u5b57\r\x1b[2Gx"), " x\u5b57");
  EXPECT_EQ(shown("\u6f22\u5b57\r\x1b[2G\u6f22"), " \u6f22 ");
}

TEST(terminal, long_lines_come_out_whole) {
  for (const int size : {999, 1000, 1001, 2000, 2001, 54321}) {
    const std::string line(static_cast<std::size_t>(size), 'x');
    EXPECT_EQ(shown(line + "\r\nend"), line + "\nend") << size;
    EXPECT_EQ(shown("\x1b[1m" + line + "\x1b[m" + line + "\r\nend"), line + line + "\nend") << size;
  }
  const auto wide = repeat("\xe4\xbd\xa0", 1500);
  EXPECT_EQ(shown(wide + "\r\nend"), wide + "\nend");
  for (const auto* first : {"a", "\x1b[ma"})
    EXPECT_EQ(shown(first + wide + "\r\nend"), "a" + wide + "\nend") << "halves in two rows";
  const std::string full(1000, 'x');
  EXPECT_EQ(shown(full + "\x1b[m" + "y\r\n"), full + "y\n");
  EXPECT_EQ(shown(full + "\ry"), "y" + std::string(999, 'x'));
}

TEST(terminal, a_line_that_starts_anew_is_not_joined) {
  const std::string full(1000, 'x');
  EXPECT_EQ(shown(full + "\r\ny"), full + "\ny");
  EXPECT_EQ(shown("\x1b[?7h" + full + "\r\ny"), full + "\ny");
}

TEST(terminal, more_lines_than_rows_scroll_into_history) {
  std::string bytes;
  std::string wanted;
  for (int i = 0; i < 3500; ++i) {
    bytes += std::to_string(i) + "\r\n";
    wanted += std::to_string(i) + "\n";
  }
  EXPECT_EQ(shown(bytes), wanted);
  EXPECT_EQ(shown("\x1b[?7h" + bytes), wanted);
  EXPECT_EQ(shown(bytes + "\x1b[Aover"), wanted.substr(0, wanted.size() - 5) + "over");
}

TEST(terminal, the_alternate_screen_is_gone_when_it_is_left) {
  EXPECT_EQ(shown("before\r\n\x1b[?1049h\x1b[2J\x1b[5;5Hfull"), "\n\n\n\n    full");
  EXPECT_EQ(shown("before\r\n\x1b[?1049h\x1b[2J\x1b[5;5Hfull\x1b[?1049lafter"), "before\nafter");
}

TEST(terminal, editing_sequences_move_text) {
  EXPECT_EQ(shown("one\r\ntwo\r\nthree\x1b[2;1H\x1b[L"
                  "new"),
            "one\nnew\ntwo\nthree");
  EXPECT_EQ(shown("one\r\ntwo\r\nthree\x1b[2;1H\x1b[M"), "one\nthree");
  EXPECT_EQ(shown("abcdef\x1b[1;3H\x1b[2P"), "abef");
  EXPECT_EQ(shown("abcdef\x1b[1;3H\x1b[2@"), "ab  cdef");
  EXPECT_EQ(shown("a\r\nb\x1b[H\x1b[2J\x1b[3Jclear"), "clear");
  EXPECT_EQ(shown("a\r\nb\x1b[2J\x1b[Hc"), "a\nb\nc");
  EXPECT_EQ(shown("a\r\nb\x1b[2Jc"), "a\nb\n\n c");
  EXPECT_EQ(shown("a\r\nb\x1b[H\x1b[Jc"), "a\nb\nc");
  EXPECT_EQ(shown("a\r\nb\x1b[1;2H\x1b[Jc"), "ac");
  EXPECT_EQ(shown("a\r\nb\x1b"
                  "cd"),
            "a\nb\nd");
  EXPECT_EQ(shown("a\r\nb\x1b[3Jc"), "a\nbc");
  EXPECT_EQ(shown("\x1b[4hab\x1b[1;1Hx\x1b[4l"), "xab");
}

TEST(terminal, the_last_character_is_repeated) {
  EXPECT_EQ(shown("xyz\x1b[3b!"), "xyzzzz!");
  EXPECT_EQ(shown("x\x1b[b\x1b[b"), "xxx");
  EXPECT_EQ(shown("\xc3\xa4\x1b[2b\xe4\xbd\xa0\x1b[b"),
            "\xc3\xa4\xc3\xa4\xc3\xa4\xe4\xbd\xa0\xe4\xbd\xa0");
  EXPECT_EQ(shown("\x1b[?7hx\x1b[3b"), "xxxx");
  EXPECT_EQ(shown("x\x1b[99999999999b"), std::string(1001, 'x'));
}

TEST(terminal, a_repetition_of_nothing_ends) {
  EXPECT_EQ(shown("\x1b[b"), "");
  EXPECT_EQ(shown("\x1b[?7h\x1b[99999b"), "");
  EXPECT_EQ(shown("\xcc\x81\x1b[1000b").size(), 2U); // a character of no width
}

TEST(terminal, control_characters_beyond_ascii_take_their_column) {
  const std::string replaced = "\xef\xbf\xbd";
  EXPECT_EQ(shown("\xc2\x80\xc3\xa4"), replaced + "\xc3\xa4");
  EXPECT_EQ(shown("\x1b[?7h\xc2\x80\xc2\x9f\xc2\x80x"), replaced + replaced + replaced + "x");
  EXPECT_EQ(shown("\xc3\xa4\xc2\x9b"
                  "31mx"),
            "\xc3\xa4" + replaced + "31mx");
}

TEST(terminal, sequences_of_any_size_are_borne) {
  std::string many = "a\x1b[";
  for (int i = 0; i < 10'000; ++i)
    many += "1;";
  EXPECT_EQ(shown(many + "mb"), "ab");
  EXPECT_EQ(shown("a\x1b[99999999999999999999;99999999999999999999Hb").size(), 2000U);
  EXPECT_EQ(shown("\x1b]\x1b\\a\x1b]\x1b\\b"), "ab");
  EXPECT_EQ(shown("a\x1b]0;" + std::string(15'000, 'x') + "\x1b\\b"), "ab");
}

TEST(terminal, a_few_bytes_do_not_touch_a_million_characters) {
  EXPECT_EQ(shown("a" + repeat("\x1b#8", 5000) + "b"), "ab");
  EXPECT_EQ(shown("a\x1b[H" + repeat("\x1b['}", 5000) + "b"), "b");
}

TEST(terminal, a_character_keeps_only_so_many_marks) {
  const auto marks = repeat("\xcc\x81", 15'000);
  for (const char* mode : {"", "\x1b[4h"}) {
    EXPECT_EQ(shown(std::string(mode) + "e" + marks + "f"),
              "e" + repeat("\xcc\x81", static_cast<int>(row::most_marks)) + "f");
    EXPECT_LT(shown(mode + marks).size(), 70'000U); // a row of them at most
  }
}

TEST(terminal, a_cursor_that_was_put_into_the_last_column_overwrites_it) {
  const std::string full(1000, 'x');
  EXPECT_EQ(shown(full + "\x1b[1;1000Hy"), full.substr(1) + "y");
  EXPECT_EQ(shown(full + "\by"), full.substr(2) + "yx");
  EXPECT_EQ(shown("\x1b[?7h" + full + "\by"), full.substr(2) + "yx");
}

TEST(terminal, questions_are_answered) {
  terminal screen;
  screen.write("ab\x1b[6n");
  EXPECT_EQ(screen.take_reply(), "\x1b[1;3R");
  EXPECT_EQ(screen.take_reply(), "");
}

TEST(terminal, limits_drop_from_the_front) {
  std::string bytes;
  for (int i = 0; i < 100000; ++i)
    bytes += std::to_string(i) + "\r\n";
  bool cut = false;
  EXPECT_EQ(shown(bytes, {3, 1000}, &cut), "99997\n99998\n99999\n");
  EXPECT_TRUE(cut);
  EXPECT_EQ(shown(bytes, {100, 13}, &cut), "\n99998\n99999\n");
  EXPECT_TRUE(cut);
  EXPECT_EQ(shown("a\r\nb\r\nc", {3, 5}, &cut), "a\nb\nc");
  EXPECT_FALSE(cut);
  EXPECT_EQ(shown(repeat("\xc3\xa4", 100), {10, 3}, &cut), "\xc3\xa4");
  EXPECT_EQ(shown(std::string(5'000'000, 'x'), {10, 7}, &cut), "xxxxxxx");
}

TEST(terminal, a_cleared_terminal_is_a_fresh_one) {
  terminal screen;
  for (const char* mess : {"\x1b[?1049hx", "\x1b[2;5r\x1b[?6h", "\x1b(0", "\x1b[", "\x1b]0;x",
                           "\xe4\xbd", "\x1b[?7l", "\x1b[20h", "\x0e", "\x1b[4h",
                           "\x1b[5;5H\x1b"
                           "7",
                           "\xc3\xa4\xcc\x81", "x\x1b[3;3H\xe4\xbd\xa0"}) {
    screen.write(mess);
    screen.clear();
    EXPECT_TRUE(screen.untouched());
    screen.write("qab\r\n\xc3\xa4"
                 "b\x1b[Ax");
    bool dropped = true;
    EXPECT_EQ(screen.text(dropped), "qax\n\xc3\xa4"
                                    "b")
        << mess;
    EXPECT_FALSE(dropped);
    screen.clear();
    screen.write("\t\xcc\x81\x1b"
                 "8\x1b[by");
    EXPECT_EQ(screen.text(dropped), "y       \xcc\x81") << mess;
    screen.clear();
  }
}

TEST(terminal, random_bytes_do_no_harm) {
  std::mt19937 random(1);
  terminal screen;
  screen.limit({.lines = 100, .bytes = 4096});
  std::string block(4096, '\0');
  for (int i = 0; i < 1000; ++i) {
    for (auto& byte : block)
      byte = static_cast<char>(random());
    screen.write(block);
  }
  bool dropped = false;
  EXPECT_LE(screen.text(dropped).size(), 4096U);
}

} // namespace
} // namespace sandfleet::agent
