#include "tests/support/temporary_directory.hpp"
#include "tools/batch/line_reader.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

namespace sandfleet::batch {
namespace {

using tests::temporary_directory;

struct seen {
  std::uint64_t number;
  std::uint64_t offset;
  std::string text;
  bool too_long;
  bool terminated;
  friend bool operator==(const seen&, const seen&) = default;
};

std::vector<seen> lines_of(std::string_view bytes, std::size_t max_line) {
  const temporary_directory directory;
  const int descriptor = ::open(directory.write("lines", bytes).c_str(), O_RDONLY);
  line_reader reader(descriptor, max_line);
  std::vector<seen> lines;
  for (;;) {
    const auto line = reader.next();
    if (!line || !*line)
      break;
    const auto& found = **line;
    EXPECT_GE(found.padding, 64U);
    lines.push_back(
        {found.number, found.offset, std::string(found.text), found.too_long, found.terminated});
  }
  ::close(descriptor);
  return lines;
}

TEST(line_reader, gives_lines_with_their_places) {
  EXPECT_EQ(lines_of("ab\n\nc", 10),
            (std::vector<seen>{
                {1, 0, "ab", false, true}, {2, 3, "", false, true}, {3, 4, "c", false, false}}));
  EXPECT_TRUE(lines_of("", 10).empty());
}

TEST(line_reader, a_line_of_the_limit_is_given_and_a_longer_one_skipped) {
  EXPECT_EQ(lines_of("1234\n12345\nx\n", 4),
            (std::vector<seen>{
                {1, 0, "1234", false, true}, {2, 5, "", true, true}, {3, 11, "x", false, true}}));
  EXPECT_EQ(lines_of("x\n12345", 4),
            (std::vector<seen>{{1, 0, "x", false, true}, {2, 2, "", true, false}}));
}

TEST(line_reader, lines_longer_than_its_chunks_are_whole) {
  const std::string big(3'000'000, 'a');
  const std::string huge(9'000'000, 'b');
  const auto lines = lines_of(big + "\n" + huge + "\n" + big + "\nend\n", 5'000'000);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].text, big);
  EXPECT_TRUE(lines[1].too_long);
  EXPECT_EQ(lines[2].offset, big.size() + huge.size() + 2);
  EXPECT_EQ(lines[2].text, big);
  EXPECT_EQ(lines[3].text, "end");
}

TEST(line_reader, many_lines_across_chunk_ends) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i)
    bytes += std::string(static_cast<std::size_t>(i % 37), 'x') + std::to_string(i) + "\n";
  const auto lines = lines_of(bytes, 100);
  ASSERT_EQ(lines.size(), 100'000U);
  for (int i = 0; i < 100'000; ++i)
    ASSERT_EQ(lines[static_cast<std::size_t>(i)].text,
              std::string(static_cast<std::size_t>(i % 37), 'x') + std::to_string(i));
}

TEST(line_reader, a_failing_read_is_an_error) {
  line_reader reader(-1, 10);
  const auto line = reader.next();
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, errc::io_error);
}

} // namespace
} // namespace sandfleet::batch
