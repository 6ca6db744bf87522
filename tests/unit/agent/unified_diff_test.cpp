#include "sandbox_agent/files/unified_diff.hpp"

#include <gtest/gtest.h>

using sandfleet::agent::files::unified_diff;

TEST(unified_diff, same_texts_have_none) {
  EXPECT_EQ(unified_diff("a\n", "a\n", "/f"), "");
}

TEST(unified_diff, changed_line_stands_alone) {
  EXPECT_EQ(unified_diff("a\nb\nc\n", "a\nB\nc\n", "/f"), "--- /f\n+++ /f\n@@ -2 +2 @@\n-b\n+B");
}

TEST(unified_diff, insertion_and_deletion_have_empty_ranges) {
  EXPECT_EQ(unified_diff("a\nc", "a\nb\nc", "/f"), "--- /f\n+++ /f\n@@ -1,0 +2 @@\n+b");
  EXPECT_EQ(unified_diff("a\nb\nc", "a\nc", "/f"), "--- /f\n+++ /f\n@@ -2 +1,0 @@\n-b");
}

TEST(unified_diff, new_file_replaces_the_empty_line) {
  EXPECT_EQ(unified_diff("", "x\ny", "/f"), "--- /f\n+++ /f\n@@ -1 +1,2 @@\n-\n+x\n+y");
}

TEST(unified_diff, blanks_at_line_ends_are_dropped) {
  EXPECT_EQ(unified_diff("a", "a  ", "/f"), "--- /f\n+++ /f\n@@ -1 +1 @@\n-a\n+a");
}

// The expectation is the output of Python's difflib for the same texts.
TEST(unified_diff, lines_that_fill_a_long_text_begin_no_match) {
  std::string before;
  std::string after;
  for (int i = 0; i < 300; ++i) {
    before += "x\n";
    after += i == 150 ? "y\nx\n" : "x\n";
  }
  EXPECT_EQ(unified_diff("first\n" + before, "first\n" + after, "/f"),
            "--- /f\n+++ /f\n@@ -151,0 +152 @@\n+y");
}
