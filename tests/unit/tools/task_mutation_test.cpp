#include "tools/batch/task_parser.hpp"

#include <gtest/gtest.h>

#include <random>

namespace sandfleet::batch {
namespace {

constexpr std::string_view seed =
    R"({"id":"t/1","image":"host","files":{"a":"text","b":{"base64":"AAE=","mode":"0755"}},)"
    R"("env":{"A":"1"},"setup":["s"],"commands":["c1","c2\n\"x\""],"continue_on_error":true,)"
    R"("timeout_s":1.5,"verify":{"files":{"v":{"from":"w"}},"commands":["check"]},)"
    R"("collect":["*"],"resources":{"cpus":0.5,"memory_mb":64},"expect":{"exit_code":3,)"
    R"("output_regex":"^y+$"},"retries":0})";

void mutate(std::string& line, std::mt19937_64& random) {
  const auto place = [&](std::size_t size) { return size == 0 ? 0 : random() % size; };
  constexpr std::string_view tokens[] = {"\"",   "{",  "}",       "[",   "]",     ",",
                                         ":",    "\\", "null",    "-",   "1e999", "\\u0000",
                                         "\xff", "\n", "\"id\":", "true"};
  switch (random() % 6) {
  case 0:
    if (!line.empty())
      line[place(line.size())] = static_cast<char>(random());
    break;
  case 1:
    line.erase(place(line.size() + 1), random() % 8);
    break;
  case 2:
    line.insert(place(line.size() + 1), tokens[random() % std::size(tokens)]);
    break;
  case 3:
    line.resize(place(line.size() + 1));
    break;
  case 4: { // a part of it once more, somewhere else
    const auto part = line.substr(place(line.size() + 1), random() % 40);
    line.insert(place(line.size() + 1), part);
    break;
  }
  default:
    if (!line.empty())
      line[place(line.size())] ^= static_cast<char>(1U << random() % 8);
    break;
  }
}

TEST(task_mutations, every_line_is_a_task_or_a_named_error) {
  task_parser parser;
  ASSERT_TRUE(parser.parse(seed));
  std::size_t good = 0;
  for (std::uint64_t round = 0; round < 20'000; ++round) {
    std::mt19937_64 random(round);
    std::string line(seed);
    for (auto mutations = random() % 4 + 1; mutations > 0; --mutations)
      mutate(line, random);
    const auto read = parser.parse(line);
    if (read) {
      ++good;
      EXPECT_FALSE(read->id.empty());
      EXPECT_FALSE(read->commands.empty());
      EXPECT_GT(read->timeout.count(), 0);
    } else {
      EXPECT_EQ(read.error().code, errc::invalid_argument);
      EXPECT_FALSE(read.error().message.empty());
      EXPECT_LT(read.error().message.size(), 1000U);
    }
    // What one line left behind does not change how the next is read.
    if (round % 100 == 0) {
      ASSERT_TRUE(parser.parse(seed)) << "after round " << round;
    }
  }
  EXPECT_GT(good, 100U); // the mutations are not so wild that only the tokenizer is tried
}

} // namespace
} // namespace sandfleet::batch
