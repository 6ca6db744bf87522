#include "sandbox_agent/files/file_actions.hpp"
#include "sandbox_agent/files/file_text.hpp"
#include "tests/unit/agent/directory.hpp"

#include <gtest/gtest.h>

using namespace sandfleet;
using namespace sandfleet::agent::files;

namespace {

struct file_actions_test : testing::Test {
  std::string read(const std::string& path, std::int64_t start = 0, std::int64_t end = -1) {
    const auto seen = actions.read({path, start, end}, where.at());
    if (const auto* text = std::get_if<protocol::read_observation>(&*seen))
      return text->content;
    return "error: " + std::get<protocol::error_observation>(*seen).content;
  }
  void write(const std::string& path, const std::string& text, std::int64_t start = 0,
             std::int64_t end = -1) {
    const auto seen = actions.write({path, text, start, end}, where.at());
    ASSERT_TRUE(seen && std::holds_alternative<protocol::write_observation>(*seen));
  }

  directory where;
  file_actions actions{where.at(), std::nullopt};
};

} // namespace

TEST_F(file_actions_test, write_ends_each_line_and_makes_directories) {
  write("d/a", "1\n2");
  EXPECT_EQ(where.read("d/a"), "1\n2\n");
  EXPECT_EQ(std::filesystem::status(where.at("d/a")).permissions(),
            static_cast<std::filesystem::perms>(0664));
}

TEST_F(file_actions_test, write_replaces_a_range_of_lines) {
  where.write("a", "1\n2\n3\n4\n");
  write("a", "x", 1, 3);
  EXPECT_EQ(where.read("a"), "1\nx\n4\n");
  write("a", "y", 0, -1);
  EXPECT_EQ(where.read("a"), "y\n");
  write("a", "z", 1, -1);
  EXPECT_EQ(where.read("a"), "y\nz\n");
}

TEST_F(file_actions_test, write_keeps_owner_and_mode_of_what_is_there) {
  where.write("a", "1\n");
  std::filesystem::permissions(where.at("a"), static_cast<std::filesystem::perms>(0750));
  write("a", "2");
  EXPECT_EQ(std::filesystem::status(where.at("a")).permissions(),
            static_cast<std::filesystem::perms>(0750));
}

TEST_F(file_actions_test, read_gives_a_range_of_lines) {
  where.write("a", "1\n2\r\n3\n4");
  EXPECT_EQ(read("a"), "1\n2\n3\n4");
  EXPECT_EQ(read("a", 1, 3), "2\n3\n");
  EXPECT_EQ(read("a", 2), "3\n4");
  EXPECT_EQ(read("a", 9, 9), "3\n4");
}

TEST_F(file_actions_test, read_says_why_it_cannot) {
  EXPECT_EQ(read("no"), "error: File not found: " + where.at("no") +
                            ". Your current working directory is " + where.at() + ".");
  EXPECT_EQ(read("."), "error: Path is a directory: " + where.at() + ". You can only read files");
  where.write("b", std::string("a\0b", 3));
  EXPECT_EQ(read("b"), "error: ERROR_BINARY_FILE");
  where.write("c", "caf\xe9 au lait");
  EXPECT_EQ(read("c"), "error: File could not be decoded as utf-8: " + where.at("c") + ".");
}

TEST_F(file_actions_test, what_cannot_be_written_is_named) {
  where.write("plain", "");
  protocol::write_action action;
  action.content = "x";
  action.path = "plain/below";
  const auto below = actions.write(action, where.at());
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().message, "[Errno 20] Not a directory: '" + where.at("plain/below") + "'");
  action.path = std::string("a\0b", 3);
  const auto zero = actions.write(action, where.at());
  ASSERT_FALSE(zero);
  EXPECT_EQ(zero.error().message, "embedded null byte");
  EXPECT_FALSE(where.has("a"));
}

TEST_F(file_actions_test, text_that_is_named_like_an_image_is_a_data_url) {
  where.write("a.PNG", "abc");
  EXPECT_EQ(read("a.PNG"), "data:image/png;base64,YWJj");
}

TEST_F(file_actions_test, edit_gives_the_diff) {
  where.write("a", "1\n2\n");
  protocol::edit_action action;
  action.path = where.at("a");
  action.command = "str_replace";
  action.old_str = "2";
  action.new_str = "3";
  const auto seen = actions.edit(action).seen;
  EXPECT_EQ(seen.diff, "--- " + action.path + "\n+++ " + action.path + "\n@@ -2 +2 @@\n-2\n+3");
  EXPECT_EQ(seen.old_content, "2");
}

TEST(file_text, decoder_faults_are_pythons) {
  EXPECT_EQ(utf8_fault("ok \xC3\xA4"), "");
  EXPECT_EQ(utf8_fault("a\xff"),
            "'utf-8' codec can't decode byte 0xff in position 1: invalid start byte");
  EXPECT_EQ(utf8_fault("caf\xe9 au"),
            "'utf-8' codec can't decode byte 0xe9 in position 3: invalid continuation byte");
  EXPECT_EQ(utf8_fault("a\xe2\x82"),
            "'utf-8' codec can't decode byte 0xe2 in position 1: unexpected end of data");
}

TEST(file_text, paths_are_normal_as_pathlib_makes_them) {
  EXPECT_EQ(normal_path("/a//b/./c/"), "/a/b/c");
  EXPECT_EQ(normal_path("//a"), "//a");
  EXPECT_EQ(normal_path("///a/../b"), "/a/../b");
  EXPECT_EQ(normal_path(""), ".");
  EXPECT_EQ(absolute_path("a", "/w"), "/w/a");
}
