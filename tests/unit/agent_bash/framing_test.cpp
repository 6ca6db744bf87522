#include "runtime/core/text.hpp"
#include "sandbox_agent/bash/framing.hpp"
#include "sandbox_agent/bash/quoting.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sandfleet::agent {
namespace {

std::string all_bytes() {
  std::string out;
  for (int byte = 1; byte < 256; ++byte)
    out += static_cast<char>(byte);
  return out;
}

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::size_t start = 0;
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    longest = std::max(longest, end - start);
    start = end + 1;
  }
  return longest;
}

bool has_control(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char byte) {
    const auto code = static_cast<unsigned char>(byte);
    return (code < 0x20 && byte != '\n' && byte != '\t') || code == 0x7f;
  });
}

/// What a shell makes of `\eval $'..'\NEWLINE$'..' ...`.
std::string evaluated(const typed_text& typed) {
  auto text = typed.bytes;
  for (auto at = text.find("\\\n"); at != std::string::npos; at = text.find("\\\n", at))
    text.erase(at, 2);
  std::size_t used = 0;
  return unquote_word(std::string_view(text).substr(6), " \n", used).value_or("unclosed");
}

TEST(quoting, all_bytes_come_back) {
  const auto text = all_bytes() + "'\\''\\n\\";
  for (const auto& quoted : {quote_ansi_c(text), core::quote_posix(text)}) {
    std::size_t used = 0;
    EXPECT_EQ(unquote_word(quoted, ";", used), text);
    EXPECT_EQ(used, quoted.size());
  }
  EXPECT_FALSE(has_control(quote_ansi_c(text)));
  EXPECT_EQ(quote_ansi_c(std::string("a\0b", 3)), "$'ab'");
}

TEST(quoting, every_form_of_bash_is_read) {
  std::size_t used = 0;
  EXPECT_EQ(unquote_word("'it'\\''s';rest", ";", used), "it's");
  EXPECT_EQ(used, 9U);
  EXPECT_EQ(unquote_word(R"($'\001\x41\e\E\a\b\f\v\r\t\n\\\'\"\?\z\303\244')", ";", used),
            "\x01"
            "A\x1b\x1b\a\b\f\v\r\t\n\\'\"?\\z\xc3\xa4");
  EXPECT_EQ(unquote_word("plain\\;'a;b'$';'", ";", used), "plain;a;b;");
  EXPECT_EQ(unquote_word("", ";", used), "");
  for (const char* open : {"'a", "$'a", "$'a\\", "$'a\\'"})
    EXPECT_FALSE(unquote_word(open, ";", used)) << open;
}

TEST(framing, what_may_be_typed_as_it_is) {
  const auto limit = line_limit(dialect::bash);
  EXPECT_LT(limit, 4096U);
  EXPECT_TRUE(can_be_typed(dialect::bash, "a\tb\n" + std::string(limit, 'x') + "\n\xc3\xa4"));
  EXPECT_FALSE(can_be_typed(dialect::bash, std::string(limit + 1, 'x')));
  EXPECT_FALSE(can_be_typed(dialect::posix, std::string(line_limit(dialect::posix) + 1, 'x')));
  for (const char byte : {'\0', '\x03', '\r', '\x1b', '\x7f', '\x15'})
    EXPECT_FALSE(can_be_typed(dialect::bash, std::string(1, byte))) << int(byte);
  EXPECT_EQ(frame_as_is("a\nb"), (typed_text{"a\nb\n", 2}));
  EXPECT_EQ(frame_input("a\nb"), (typed_text{"a\nb\r", 2}));
  EXPECT_EQ(echo_of(frame_input("a\nb")), "a\r\nb\r\n");
}

TEST(framing, an_eval_of_any_length_keeps_its_bytes_on_short_lines) {
  for (const auto kind : {dialect::bash, dialect::posix}) {
    for (const std::size_t size :
         {0U, 1U, 480U, 990U, 1000U, 1010U, 3980U, 3990U, 4000U, 4095U, 4096U, 8192U, 50000U}) {
      for (const char* unit : {"x", "'", "\xc3\xa4", "\\"}) {
        std::string text;
        while (text.size() < size)
          text += unit;
        const auto typed = frame_eval(kind, text, "/dev/null");
        EXPECT_LE(longest_line(typed.bytes), line_limit(kind) + 20) << size;
        EXPECT_EQ(typed.lines, std::count(typed.bytes.begin(), typed.bytes.end(), '\n'));
        EXPECT_EQ(evaluated(typed), text);
        EXPECT_FALSE(has_control(typed.bytes));
      }
    }
  }
}

TEST(framing, control_bytes_never_reach_the_terminal) {
  for (const auto kind : {dialect::bash, dialect::posix}) {
    for (const std::size_t repeat : {1U, 50U}) {
      std::string text;
      for (std::size_t i = 0; i < repeat; ++i)
        text += all_bytes();
      const auto typed = frame_eval(kind, text, std::nullopt);
      EXPECT_FALSE(has_control(typed.bytes));
      EXPECT_LE(longest_line(typed.bytes), line_limit(kind) + 20);
    }
  }
  EXPECT_EQ(frame_eval(dialect::bash, "echo a\nb", "/a 'b"),
            (typed_text{"\\eval $'echo a\\nb' <$'/a \\'b'\n", 1, true}));
}

TEST(framing, the_opening_fits_the_terminal_and_holds_no_mark) {
  for (const auto kind : {dialect::bash, dialect::posix}) {
    const auto typed = opening(kind, std::string(32, 'f'));
    EXPECT_LE(longest_line(typed.bytes), line_limit(kind));
    EXPECT_EQ(typed.bytes.find('\x1b'), std::string::npos);
    EXPECT_EQ(typed.bytes.find('@' + std::string("NONCE")), std::string::npos);
  }
}

} // namespace
} // namespace sandfleet::agent
