#include "tests/support/temporary_directory.hpp"
#include "tools/batch/result_file.hpp"
#include "tools/batch/result_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <sys/resource.h>
#include <vector>

namespace sandfleet::batch {
namespace {

using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;
using tests::temporary_directory;

std::string result_of(const std::string& id, bool passed) {
  task_result done;
  done.id = id;
  done.judged.passed = passed;
  return result_line(done);
}

TEST(result_file, goes_on_where_an_earlier_run_stopped) {
  const temporary_directory directory;
  const auto path = directory / "results";
  {
    auto file = result_file::open(path);
    ASSERT_TRUE(file);
    EXPECT_TRUE(file->append(result_of("a", true)));
    EXPECT_TRUE(file->append(result_of("b\"\n", false)));
  }
  auto file = result_file::open(path);
  ASSERT_TRUE(file);
  EXPECT_THAT(file->earlier().passed, UnorderedElementsAre(Pair("a", true), Pair("b\"\n", false)));
  EXPECT_EQ(file->earlier().cut_bytes, 0U);
  EXPECT_TRUE(file->append(result_of("c", true)));
  EXPECT_EQ(directory.read(path),
            result_of("a", true) + result_of("b\"\n", false) + result_of("c", true));
}

TEST(result_file, a_half_written_last_line_is_cut_at_every_length) {
  const temporary_directory directory;
  const auto whole = result_of("a", true);
  const auto half = result_of("b", true);
  for (std::size_t length = 1; length < half.size(); ++length) {
    const auto path = directory.write("results", whole + half.substr(0, length));
    auto file = result_file::open(path);
    ASSERT_TRUE(file) << length;
    EXPECT_EQ(file->earlier().cut_bytes, length);
    EXPECT_TRUE(file->append(half));
    EXPECT_EQ(directory.read(path), whole + half);
  }
}

TEST(result_file, a_file_cut_at_any_byte_goes_on_with_its_whole_lines) {
  const temporary_directory directory;
  std::string bytes;
  std::vector<std::size_t> ends = {0};
  for (const char* id : {"a", "b\"\n", "\xc3\xa4"}) {
    bytes += result_of(id, bytes.size() % 2 == 0);
    ends.push_back(bytes.size());
  }
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto path = directory.write("results", bytes.substr(0, cut));
    const auto whole = std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin() - 1;
    const auto kept = bytes.substr(0, ends[static_cast<std::size_t>(whole)]);
    {
      auto file = result_file::open(path);
      ASSERT_TRUE(file) << cut;
      EXPECT_EQ(file->earlier().passed.size(), static_cast<std::size_t>(whole)) << cut;
      EXPECT_EQ(file->earlier().cut_bytes, cut - kept.size()) << cut;
      EXPECT_EQ(directory.read(path), kept) << cut;
      if (cut % 64 != 0) // an append goes to the disk
        continue;
      EXPECT_TRUE(file->append(result_of("new", true)));
    }
    const auto again = result_file::open(path);
    ASSERT_TRUE(again) << cut;
    EXPECT_EQ(again->earlier().passed.size(), static_cast<std::size_t>(whole) + 1) << cut;
  }
}

TEST(result_file, a_file_of_something_else_is_left_alone) {
  const temporary_directory directory;
  for (const std::string text :
       {"precious\n", "precious", "{}\n", "{\"id\": 1}\n", "{\"id\":\"a\"}\n", "\n", "[1]",
        R"({"id":"a","commands":["true"]})", R"({"id":"a\","passed":)", R"({"id": "a")"}) {
    const auto path = directory.write("results", result_of("a", true) + text);
    const auto file = result_file::open(path);
    ASSERT_FALSE(file) << text;
    EXPECT_THAT(file.error().message, HasSubstr("results:2"));
    EXPECT_EQ(directory.read(path), result_of("a", true) + text);
  }
}

TEST(result_file, two_results_of_one_task_are_refused) {
  const temporary_directory directory;
  const auto path = directory.write("results", result_of("a", true) + result_of("a", false));
  EXPECT_THAT(result_file::open(path).error().to_string(), HasSubstr("second result"));
}

TEST(result_file, has_one_writer) {
  const temporary_directory directory;
  const auto path = directory / "results";
  auto first = result_file::open(path);
  ASSERT_TRUE(first);
  const auto second = result_file::open(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::already_exists);
}

TEST(result_file, what_cannot_be_opened_is_said) {
  const temporary_directory directory;
  EXPECT_EQ(result_file::open(directory / "no/where").error().code, errc::not_found);
  EXPECT_FALSE(result_file::open(directory.path()));
}

TEST(result_file, a_write_that_fails_in_its_middle_leaves_nothing_of_the_line) {
  const temporary_directory directory;
  const auto path = directory / "results";
  auto file = result_file::open(path);
  ASSERT_TRUE(file);
  const auto first = result_of("a", true);
  ASSERT_TRUE(file->append(first));
  // A limit on the file's size acts as a full disk does: the first write is short, the next fails.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = first.size() + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto appended = file->append(result_of("b", true));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(appended);
  EXPECT_THAT(appended.error().to_string(), HasSubstr(path));
  EXPECT_EQ(directory.read(path), first);
  EXPECT_TRUE(file->append(result_of("b", true)));
  EXPECT_EQ(directory.read(path), first + result_of("b", true));
}

TEST(result_file, a_full_device_is_an_error_with_advice) {
  auto file = result_file::open("/dev/full");
  if (!file)
    GTEST_SKIP() << "/dev/full cannot be opened: " << file.error().to_string();
  const auto appended = file->append(result_of("a", true));
  ASSERT_FALSE(appended);
  EXPECT_THAT(appended.error().hint, HasSubstr("same command again"));
}

} // namespace
} // namespace sandfleet::batch
