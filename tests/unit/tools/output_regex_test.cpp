#include "tools/batch/output_regex.hpp"

#include <gtest/gtest.h>

namespace sandfleet::batch {
namespace {

TEST(output_regex, looks_anywhere_and_anchors_at_lines) {
  EXPECT_TRUE(*regex_found("b+", "abbc"));
  EXPECT_TRUE(*regex_found("^ok$", "first\nok\nlast"));
  EXPECT_FALSE(*regex_found("^ok$", "not ok\n"));
  EXPECT_FALSE(*regex_found("a.b", "a\nb"));
  EXPECT_TRUE(*regex_found("\\d{3}", "code 404"));
  EXPECT_TRUE(*regex_found("", ""));
}

TEST(output_regex, a_bad_pattern_is_the_tasks_fault) {
  for (const auto* pattern : {"(", "[a", "a{2,1}", "*"}) {
    const auto checked = check_regex(pattern);
    ASSERT_FALSE(checked) << pattern;
    EXPECT_EQ(checked.error().blame, failure_class::task);
    EXPECT_FALSE(checked.error().cause.empty());
  }
}

TEST(output_regex, a_pattern_that_explodes_gives_up) {
  const auto found = regex_found("(a+)+(b+)+(a+)+$", std::string(5000, 'a') + "!");
  if (found) {
    EXPECT_FALSE(*found);
  } else {
    EXPECT_EQ(found.error().code, errc::limit_exceeded);
  }
}

TEST(output_regex, a_large_output_does_not_overflow_the_stack) {
  const auto found = regex_found("(a|b)*c", std::string(1 << 20, 'a') + "c");
  if (found)
    EXPECT_TRUE(*found);
  else
    EXPECT_EQ(found.error().code, errc::limit_exceeded);
}

} // namespace
} // namespace sandfleet::batch
