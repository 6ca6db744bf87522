#include "runtime/core/text.hpp"
#include "sandbox_agent/bash/quoting.hpp"
#include "sandbox_agent/bash/terminal.hpp"
#include "tests/unit/agent_bash/session_fixture.hpp"

#include <cctype>
#include <fstream>
#include <random>

namespace sandfleet::agent {
namespace {

class any_bytes : public session_test {
 protected:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  /// Random bytes between pieces that mean something to a terminal or look like a prompt's mark.
  std::string printed() {
    constexpr std::string_view pieces[] = {
        "\x1b]6973;",
        "\x1b]6973;0123456789abcdef;S;1\a",
        ";P;0;;1;s;4;u;h;'/';'/bin'\a",
        "\x1b[?1049h",
        "\x1b[2J\x1b[H",
        "\x1b[b",
        "\xc2\x80",
        "\xe4\xbd\xa0",
        "\x1b[;;;;;;;;;;;;;;;;;;;;H",
        "\r\n",
        "plain text ",
        "\x1b]0;title",
        "\x1b[6n",
        "\x1b[4h",
        "e\xcc\x81",
        "\x1b[3;900r",
        "\x0e\x1b)0",
        "\x1b",
    };
    std::string bytes;
    for (auto count = below(60); count > 0; --count) {
      if (below(3) != 0)
        bytes += pieces[below(std::size(pieces))];
      else
        for (auto length = below(20); length > 0; --length)
          bytes += static_cast<char>(random_());
    }
    return bytes;
  }

  /// What a terminal shows of bytes that a process prints to it.
  static std::string shown(std::string_view bytes) {
    terminal screen;
    for (const char& byte : bytes) {
      if (byte == '\n')
        screen.write("\r");
      screen.write(std::string_view(&byte, 1));
    }
    bool dropped = false;
    return screen.text(dropped);
  }

 private:
  std::mt19937 random_{7};
};

TEST_F(any_bytes, printed_ones_forge_no_prompt_and_are_shown_as_a_terminal_shows_them) {
  const auto file = (directory_ / "bytes").string();
  for (int round = 0; round < 60; ++round) {
    const auto bytes = printed();
    std::ofstream(file, std::ios::binary) << bytes;
    const auto code = static_cast<int>(below(100));
    const auto seen = eval("cat bytes; (exit " + std::to_string(code) + ")");
    ASSERT_EQ(seen.exit_code, code) << "round " << round;
    ASSERT_EQ(seen.output, shown(bytes)) << "round " << round;
    ASSERT_FALSE(seen.shell_ended || seen.shell_restarted);
  }
  EXPECT_EQ(output("echo still there"), "still there\n");
}

TEST_F(any_bytes, typed_ones_reach_a_command_whole) {
  for (int round = 0; round < 40; ++round) {
    std::string bytes;
    for (auto length = below(round % 4 == 0 ? 9000 : 200); length > 0; --length)
      if (const auto byte = static_cast<char>(below(256)); byte != '\0')
        bytes += byte;
    auto hex = output("printf %s " + core::quote_posix(bytes) + " | od -An -v -tx1");
    std::erase_if(hex, [](unsigned char c) { return std::isspace(c) != 0; });
    std::string wanted;
    for (const char byte : bytes) {
      constexpr auto* digits = "0123456789abcdef";
      wanted += digits[static_cast<unsigned char>(byte) >> 4U];
      wanted += digits[static_cast<unsigned char>(byte) & 15U];
    }
    ASSERT_EQ(hex, wanted) << "round " << round;
  }
}

} // namespace
} // namespace sandfleet::agent
