#include "sandbox_agent/bash/control_sequence.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sandfleet::agent {
namespace {

using outcome = sequence_reader::outcome;

struct reading {
  std::vector<control_sequence> sequences;
  std::string controls; ///< carried out inside of sequences
  std::string text;     ///< bytes of no sequence
};

reading read(const std::string& bytes) {
  reading out;
  sequence_reader reader;
  for (const char byte : bytes) {
    switch (reader.next(byte)) {
    case outcome::foreign:
      out.text += byte;
      break;
    case outcome::control:
      out.controls += byte;
      break;
    case outcome::complete:
      out.sequences.push_back(reader.sequence());
      break;
    case outcome::inside:
    case outcome::ended:
      break;
    }
  }
  return out;
}

std::string told(const std::string& bytes) {
  std::string all;
  for (const auto& one : read(bytes).sequences)
    all += emulated(one);
  return all;
}

TEST(control_sequence, is_read_with_its_parts) {
  const auto seen = read("a\x1b[?12;;3$pb\x1b(0c").sequences;
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0], (control_sequence{true, '?', {12, -1, 3}, '$', 'p'}));
  EXPECT_EQ(seen[1], (control_sequence{false, 0, {}, '(', '0'}));
  EXPECT_EQ(read("a\x1b[?12;;3$pb\x1b(0c").text, "abc");
}

TEST(control_sequence, numbers_are_few_and_bounded) {
  std::string many = "\x1b[";
  for (int i = 0; i < 1000; ++i)
    many += "7;";
  const auto seen = read(many + "99999999999999999999999H\x1b[00000000000012A").sequences;
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].parameters, std::vector<int>(16, 7));
  EXPECT_EQ(seen[1].parameters, std::vector<int>{12});
  EXPECT_EQ(told("\x1b[99999999999999999999999A"), "\x1b[9999A");
}

TEST(control_sequence, strings_are_dropped_however_they_end) {
  for (const char* text :
       {"\x1b]0;title\a", "\x1b]0;title\x1b\\", "\x1bP1;2qdata\x1b\\", "\x1b^m\x1b\\",
        "\x1b_m\x1b\\", "\x1bXm\x1b\\", "\x1b]\x1b\\", "\x1b]0;\xc3\xa4\x18", "\x1b]0;t\x1a",
        "\x1b]a\x7f"
        "b\x1b\x1b\\"}) {
    const auto seen = read(std::string(text) + "x");
    EXPECT_TRUE(seen.sequences.empty()) << text;
    EXPECT_EQ(seen.text, "x") << text;
  }
  EXPECT_EQ(read("\x1b]0;a\nb\rc\a").controls, "\n\r");
  EXPECT_EQ(told("\x1b]0;a\x1b[2J"), "\x1b[2J"); // another sequence ends it too
}

TEST(control_sequence, malformed_ones_are_dropped) {
  for (const char* text : {"\x1b[1?2h", "\x1b[??6h", "\x1b[ 1A", "\x1b[!!p", "\x1b((0"}) {
    EXPECT_TRUE(read(text).sequences.empty()) << text;
    EXPECT_EQ(read(text).text, "") << text;
  }
  EXPECT_EQ(read("\x1b[31\xc3\xa4").text, "\xc3\xa4"); // a character gives one up
  EXPECT_EQ(told("\x1b[3\x1b[4A"), "\x1b[4A");
  EXPECT_EQ(read("\x1b[3\n4\r;5\x7f"
                 "6A")
                .controls,
            "\n\r");
}

TEST(control_sequence, only_what_a_reader_sees_reaches_the_emulation) {
  EXPECT_EQ(
      told("\x1b[1;31m\x1b[38;5;9m\x1b[?25l\x1b[?2004h\x1b[?1h\x1b=\x1b[4 q\x1b#8\x1b%G\x1b[!p"
           "\x1b[5i\x1b[b\x1b[3b"),
      "");
  EXPECT_EQ(told("\x1b[2J\x1b[;5H\x1b[?6;25;7l\x1b[4;20h"),
            "\x1b[2J\x1b[;5H\x1b[?6l\x1b[?7l\x1b[4h\x1b[20h");
  EXPECT_EQ(told("\x1b[?47h"), "\x1b[?1047h");
  EXPECT_EQ(told("\x1b[s\x1b[u\x1b[1;2s"), std::string("\x1b") + "7\x1b" + "8");
}

TEST(control_sequence, modes_and_positions_are_told_apart) {
  const auto one = [](const std::string& bytes) { return read(bytes).sequences.at(0); };
  for (const char* text : {"\x1b[4h", "\x1b[?1049h", "\x1b[r", "\x1b[g",
                           "\x1b"
                           "c",
                           "\x1bH", "\x1b(0", "\x1b)B"})
    EXPECT_TRUE(sets_mode(one(text))) << text;
  for (const char* text : {"\x1b[m", "\x1b[?25h", "\x1b[2J", "\x1b(B",
                           "\x1b"
                           "7",
                           "\x1bM"})
    EXPECT_FALSE(sets_mode(one(text))) << text;
  EXPECT_TRUE(puts_cursor(one("\x1b[H")));
  EXPECT_FALSE(puts_cursor(one("\x1b[K")));
  EXPECT_EQ(repetitions(one("\x1b[b")), 1);
  EXPECT_EQ(repetitions(one("\x1b[0b")), 1);
  EXPECT_EQ(repetitions(one("\x1b[70b")), 70);
  EXPECT_EQ(repetitions(one("\x1b[?7b")), 0);
}

} // namespace
} // namespace sandfleet::agent
