#include "sandbox_agent/files/editor.hpp"
#include "tests/unit/agent/directory.hpp"

#include <gtest/gtest.h>

using namespace sandfleet;
using namespace sandfleet::agent::files;

namespace {

struct editor_test : testing::Test {
  edit_outcome run(const std::string& command, const std::string& name,
                   std::optional<std::string> old_str = {}, std::optional<std::string> new_str = {},
                   std::optional<std::int64_t> line = {}, std::optional<std::string> text = {}) {
    protocol::edit_action action;
    action.command = command;
    action.path = where.at(name);
    action.old_str = std::move(old_str);
    action.new_str = std::move(new_str);
    action.insert_line = line;
    action.file_text = std::move(text);
    return edit.run(action);
  }

  directory where;
  editor edit{where.at()};
};

} // namespace

TEST_F(editor_test, create_writes_a_new_file_only) {
  EXPECT_EQ(run("create", "a", {}, {}, {}, "text\n").text,
            "File created successfully at: " + where.at("a"));
  EXPECT_EQ(where.read("a"), "text\n");
  EXPECT_EQ(run("create", "a", {}, {}, {}, "other").text,
            "ERROR:\nInvalid `path` parameter: " + where.at("a") + ". File already exists at: " +
                where.at("a") + ". Cannot overwrite files using command `create`.");
  EXPECT_EQ(run("create", "b").text,
            "ERROR:\nParameter `file_text` is required for command: create.");
}

TEST_F(editor_test, str_replace_shows_a_snippet) {
  where.write("a", "one\ntwo\nthree\n");
  const auto done = run("str_replace", "a", "two", "2\n2b");
  EXPECT_EQ(done.text, "The file " + where.at("a") +
                           " has been edited. Here's the result of running `cat -n` on a snippet "
                           "of " +
                           where.at("a") +
                           ":\n     1\tone\n     2\t2\n     3\t2b\n     4\tthree\n     5\t\n"
                           "Review the changes and make sure they are as expected. Edit the file "
                           "again if necessary.");
  EXPECT_EQ(done.old_content, "one\ntwo\nthree\n");
  EXPECT_EQ(done.new_content, "one\n2\n2b\nthree\n");
}

TEST_F(editor_test, str_replace_wants_one_place) {
  where.write("a", "x\ny\nx x\n");
  EXPECT_EQ(run("str_replace", "a", "x", "z").text,
            "ERROR:\nNo replacement was performed. Multiple occurrences of old_str `x` in lines "
            "[1, 3]. Please ensure it is unique.");
  EXPECT_EQ(run("str_replace", "a", "q", "z").text,
            "ERROR:\nNo replacement was performed, old_str `q` did not appear verbatim in " +
                where.at("a") + ".");
  EXPECT_EQ(where.read("a"), "x\ny\nx x\n");
}

TEST_F(editor_test, str_replace_forgives_blanks_around) {
  where.write("a", "x\ny\n");
  run("str_replace", "a", "  y  ", " z ");
  EXPECT_EQ(where.read("a"), "x\nz\n");
}

TEST_F(editor_test, insert_goes_after_the_line) {
  where.write("a", "1\n2\n");
  EXPECT_NE(run("insert", "a", {}, "new", 1).text.find("     2\tnew\n"), std::string::npos);
  EXPECT_EQ(where.read("a"), "1\nnew\n2\n");
  EXPECT_EQ(run("insert", "a", {}, "new", 9).text,
            "ERROR:\nInvalid `insert_line` parameter: 9. It should be within the range of allowed "
            "values: [0, 3]");
}

TEST_F(editor_test, a_file_keeps_its_encoding) {
  const auto edited = [&](const std::string& before) {
    where.write("a", before);
    const auto text = run("str_replace", "a", "b", "\u00e9").text;
    EXPECT_EQ(text.find("ERROR"), std::string::npos) << text;
    return where.read("a");
  };
  EXPECT_EQ(edited("\xEF\xBB\xBF"
                   "ab\n"),
            "\xEF\xBB\xBF"
            "a\u00e9\n");
  EXPECT_EQ(edited(std::string("\xFF\xFE"
                               "a\0b\0",
                               6)),
            std::string("\xFF\xFE"
                        "a\0\xe9\0",
                        6));
  EXPECT_EQ(edited("caf\xe9 \x81 b\n"), "caf\xe9 \x81 \xe9\n");
  EXPECT_NE(run("str_replace", "a", "caf", "\u6f22")
                .text.find("'cp1252' codec can't encode character '\\u6f22' in position 0"),
            std::string::npos);
  EXPECT_EQ(where.read("a"), "caf\xe9 \x81 \xe9\n");
}

TEST_F(editor_test, names_with_a_zero_byte_name_no_file) {
  const std::string name("a\0b", 3);
  EXPECT_TRUE(run("create", name, {}, {}, {}, "x").text.starts_with("ERROR:\nRan into embedded"));
  EXPECT_NE(run("view", name).text.find("does not exist"), std::string::npos);
  EXPECT_FALSE(where.has("a"));
}

TEST_F(editor_test, undo_goes_back_step_by_step) {
  where.write("a", "1\n");
  run("str_replace", "a", "1", "2");
  run("insert", "a", {}, "3", 1);
  EXPECT_TRUE(run("undo_edit", "a")
                  .text.starts_with("Last edit to " + where.at("a") +
                                    " undone successfully. Here's the result"));
  EXPECT_EQ(where.read("a"), "2\n");
  run("undo_edit", "a");
  EXPECT_EQ(where.read("a"), "1\n");
  EXPECT_EQ(run("undo_edit", "a").text, "ERROR:\nNo edit history found for " + where.at("a") + ".");
}

TEST_F(editor_test, view_range_is_checked) {
  where.write("a", "1\n2\n3\n");
  const auto view = [&](std::vector<std::int64_t> range) {
    return edit.view(where.at("a"), std::move(range)).text;
  };
  EXPECT_EQ(view({2, 3}), "Here's the result of running `cat -n` on " + where.at("a") +
                              ":\n     2\t2\n     3\t3\n");
  EXPECT_TRUE(view({2, 9}).starts_with(
      "NOTE: We only show up to 3 since there're only 3 lines in this file.\n"));
  EXPECT_EQ(view({4, 5}), "ERROR:\nInvalid `view_range` parameter: [4, 5]. Its first element `4` "
                          "should be within the range of lines of the file: [1, 3].");
  EXPECT_EQ(view({3, 2}), "ERROR:\nInvalid `view_range` parameter: [3, 2]. Its second element `2` "
                          "should be greater than or equal to the first element `3`.");
  EXPECT_EQ(view({1}), "ERROR:\nInvalid `view_range` parameter: [1]. It should be a list of two "
                       "integers.");
}

TEST_F(editor_test, view_of_a_directory_goes_two_levels_down) {
  where.write("d/e/f", "");
  where.write("d/.g", "");
  where.write(".h", "");
  where.write("a", "");
  EXPECT_EQ(edit.view(where.at(), {}).text,
            "Here's the files and directories up to 2 levels deep in " + where.at() +
                ", excluding hidden items:\n" + where.at() + "/\n" + where.at("a") + "\n" +
                where.at("d") + "/\n" + where.at("d/e") +
                "/\n\n1 hidden files/directories in this directory are excluded. You can use 'ls "
                "-la " +
                where.at() + "' to see them.");
}

TEST_F(editor_test, what_it_does_not_touch_is_said) {
  where.write("b", std::string("\0\1\2", 3));
  EXPECT_EQ(run("str_replace", "b", "a", "b").text,
            "ERROR:\nFile validation failed for " + where.at("b") +
                ": File appears to be binary and this file type cannot be read or edited by this "
                "tool.");
  EXPECT_TRUE(run("view", "missing")
                  .text.ends_with("The path " + where.at("missing") +
                                  " does not exist. Please provide a valid path."));
  EXPECT_TRUE(run("insert", "", {}, "x", 0)
                  .text.ends_with(
                      "is a directory and only the `view` command can be used on directories."));
  protocol::edit_action relative;
  relative.command = "view";
  relative.path = "b";
  EXPECT_EQ(edit.run(relative).text,
            "ERROR:\nInvalid `path` parameter: b. The path should be an absolute path, starting "
            "with `/`. Maybe you meant " +
                where.at("b") + "?");
  EXPECT_TRUE(run("fly", "b").text.starts_with("ERROR:\nUnrecognized command fly."));
}

TEST_F(editor_test, long_text_is_clipped_by_characters) {
  std::string text;
  for (int i = 0; i < 16'001; ++i)
    text += "\xC3\xA4";
  where.write("a", text);
  EXPECT_NE(edit.view(where.at("a"), {}).text.find("\xC3\xA4<response clipped><NOTE>"),
            std::string::npos);
}
