#include "runtime/core/line_splitter.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sandfleet::core {
namespace {

using lines = std::vector<std::string>;

lines split(std::size_t longest, const std::vector<std::string>& pieces, bool* dropped = nullptr) {
  lines seen;
  line_splitter splitter(longest);
  for (const auto& piece : pieces)
    splitter.feed(piece, [&](std::string_view line) { seen.emplace_back(line); });
  if (dropped)
    *dropped = splitter.dropped();
  return seen;
}

TEST(line_splitter, bytes_cut_anywhere_give_the_same_lines) {
  const std::string bytes = "one\n\ntwo and more\nbegun";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
    EXPECT_EQ(split(100, {bytes.substr(0, cut), bytes.substr(cut)}),
              (lines{"one", "", "two and more"}))
        << cut;
}

TEST(line_splitter, a_line_that_is_too_long_is_dropped_whole) {
  const std::string bytes = "1234\n12345\nok\n123456789012\nend\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    bool dropped = false;
    EXPECT_EQ(split(4, {bytes.substr(0, cut), bytes.substr(cut)}, &dropped),
              (lines{"1234", "ok", "end"}))
        << cut;
    EXPECT_TRUE(dropped);
  }
  bool dropped = true;
  EXPECT_EQ(split(4, {"1234", "\n"}, &dropped), lines{"1234"});
  EXPECT_FALSE(dropped);
}

} // namespace
} // namespace sandfleet::core
