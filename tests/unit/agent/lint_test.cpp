#include "sandbox_agent/files/lint.hpp"

#include <gtest/gtest.h>

using namespace sandfleet::agent::files;

namespace {
using issues = std::vector<lint_issue>;
} // namespace

TEST(lint, what_flake8_prints_is_read) {
  EXPECT_EQ(parse_flake8("stdin:2:7: F821 undefined name 'b'\n"
                         "stdin:1:5: E999 SyntaxError: invalid syntax: more\n"
                         "stdin:3:x: E902 no column\n"
                         "warnings: none\n\nstdin:x:1: F1 no line\n"),
            (issues{{2, 7, "F821 undefined name 'b'"},
                    {1, 5, "E999 SyntaxError: invalid syntax"},
                    {3, 1, "x E902 no column"}}));
}

TEST(lint, what_unchanged_lines_had_before_is_left_out) {
  const issues before{{1, 1, "old"}, {2, 1, "goes"}};
  const issues after{{3, 1, "late"}, {2, 1, "old"}, {1, 1, "new"}};
  EXPECT_EQ(issues_of_change(before, after, "a\nb\n", "x\na\nc\n"),
            (issues{{1, 1, "new"}, {3, 1, "late"}}));
}

TEST(lint, another_issue_of_an_unchanged_line_is_brought_by_the_change) {
  const issues before{{2, 1, "same"}};
  EXPECT_EQ(issues_of_change(before, {{2, 4, "same"}, {2, 1, "same"}}, "a\nb\n", "c\nb\n"),
            (issues{{2, 4, "same"}}));
}

TEST(lint, the_text_names_each_place) {
  EXPECT_EQ(lint_text({}), "No linting issues found in the changes.");
  EXPECT_EQ(lint_text({{2, 7, "wrong"}}),
            "Linting issues found in the changes:\n- Line 2, Column 7: wrong\n");
}
