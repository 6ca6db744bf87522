#include "tests/support/temporary_directory.hpp"
#include "tools/batch/task_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace sandfleet::batch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::temporary_directory;

std::string line(const std::string& id) {
  return R"({"id": ")" + id +
         R"(", "commands": ["x"]})"
         "\n";
}

struct reading {
  std::vector<std::string> errors;
  std::vector<std::string> ids; ///< of the second pass, in order
};

reading read_all(const std::string& path) {
  reading out;
  auto file = task_file::open(path);
  EXPECT_TRUE(file) << file.error().to_string();
  auto census =
      file->examine([&](const bad_line& bad) { out.errors.push_back(bad.what.to_string()); });
  EXPECT_TRUE(census);
  EXPECT_TRUE(file->rewind(census->bad_lines));
  for (;;) {
    auto item = file->next();
    EXPECT_TRUE(item);
    if (!*item)
      break;
    EXPECT_TRUE((*item)->read);
    out.ids.push_back((*item)->read->id);
  }
  EXPECT_EQ(out.ids.size(), census->ids.size());
  return out;
}

TEST(task_file, bad_lines_are_named_and_do_not_stop_the_others) {
  const temporary_directory directory;
  const auto path = directory.write("tasks.jsonl", line("a") + "nonsense\n\n  \r\n" + line("b") +
                                                       "{\"id\": 1}\n" + line("c"));
  const auto read = read_all(path);
  EXPECT_THAT(read.ids, ElementsAre("a", "b", "c"));
  EXPECT_THAT(read.errors,
              ElementsAre(HasSubstr("tasks.jsonl:2: "), HasSubstr("tasks.jsonl:6: key \"id\"")));
}

TEST(task_file, the_first_of_two_tasks_with_one_id_counts) {
  const temporary_directory directory;
  const auto read = read_all(directory.write("t", line("a") + line("b") + line("a")));
  EXPECT_THAT(read.ids, ElementsAre("a", "b"));
  EXPECT_THAT(read.errors, ElementsAre(HasSubstr("t:3: the id \"a\" is that of an earlier task")));
}

TEST(task_file, a_byte_order_mark_windows_line_ends_and_a_missing_line_end_are_fine) {
  const temporary_directory directory;
  const auto read = read_all(
      directory.write("t", "\xEF\xBB\xBF" + std::string(R"({"id": "a", "commands": ["x"]})") +
                               "\r\n" + R"({"id": "b", "commands": ["x"]})"));
  EXPECT_THAT(read.ids, ElementsAre("a", "b"));
  EXPECT_TRUE(read.errors.empty());
}

TEST(task_file, an_empty_file_has_no_tasks) {
  const temporary_directory directory;
  const auto read = read_all(directory.write("t", ""));
  EXPECT_TRUE(read.ids.empty());
  EXPECT_TRUE(read.errors.empty());
}

TEST(task_file, a_pipe_is_read_twice_too) {
  const temporary_directory directory;
  const auto path = directory / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(path) << line("a") << line("b"); });
  const auto read = read_all(path);
  writer.join();
  EXPECT_THAT(read.ids, ElementsAre("a", "b"));
}

TEST(task_file, what_cannot_be_opened_is_said) {
  const temporary_directory directory;
  EXPECT_EQ(task_file::open(directory / "none").error().code, errc::not_found);
  const auto opened = task_file::open(directory.path());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().to_string(), HasSubstr(directory.path()));
}

TEST(task_file, relative_host_paths_begin_at_its_directory) {
  const temporary_directory directory;
  EXPECT_EQ(task_file::open(directory.write("t", ""))->directory(), directory.path());
}

} // namespace
} // namespace sandfleet::batch
