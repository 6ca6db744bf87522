#include "sandbox_agent/launcher/command.hpp"

#include <gtest/gtest.h>

namespace sandfleet::launcher {
namespace {

using kind = command::kind;
using std::chrono::milliseconds;

TEST(launcher_command, each_is_read) {
  EXPECT_EQ(parse_command("stop 250"), (command{kind::stop, milliseconds(250)}));
  EXPECT_EQ(parse_command(" keep 0\r"), (command{kind::keep, milliseconds(0)}));
  EXPECT_EQ(parse_command("pause"), command{kind::pause});
  EXPECT_EQ(parse_command("resume"), command{kind::resume});
}

TEST(launcher_command, spans_are_bounded) {
  EXPECT_EQ(parse_command("stop 9223372036854775807")->span, longest_grace);
  EXPECT_EQ(parse_command("keep 9223372036854775807")->span, longest_life);
}

TEST(launcher_command, other_lines_are_none) {
  for (const char* line : {"", " ", "stop", "keep", "stop x", "keep x", "stop -1", "stop 1 2",
                           "stop  1", "pause 1", "PAUSE", "stop 99999999999999999999"})
    EXPECT_FALSE(parse_command(line)) << line;
}

} // namespace
} // namespace sandfleet::launcher
