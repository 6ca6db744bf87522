#include "sandbox_agent/bash/run_reply.hpp"

#include <gtest/gtest.h>

namespace sandfleet::agent {
namespace {

TEST(run_reply, numbers_are_printed_as_python_prints_floats) {
  EXPECT_EQ(python_float(10), "10.0");
  EXPECT_EQ(python_float(0.5), "0.5");
  EXPECT_EQ(python_float(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(python_float(120), "120.0");
  EXPECT_EQ(python_float(0.0001), "0.0001");
  EXPECT_EQ(python_float(0.00001), "1e-05");
  EXPECT_EQ(python_float(1e16), "1e+16");
  EXPECT_EQ(python_float(1.5e300), "1.5e+300");
  EXPECT_EQ(python_float(0), "0.0");
}

TEST(run_reply, keys_are_c_dash_and_one_character) {
  EXPECT_EQ(special_key("C-c"), 'c');
  EXPECT_EQ(special_key(" C-d\n"), 'd');
  for (const char* text : {"C-", "C-cc", "c-c", "", "xC-c"})
    EXPECT_FALSE(special_key(text)) << text;
}

TEST(run_reply, only_what_is_new_is_shown) {
  EXPECT_EQ(new_output("a\nb\n", "", ""), "a\nb");
  EXPECT_EQ(new_output("a\nb\n", "a\n", ""), "b");
  EXPECT_EQ(new_output("other", "a\n", ""), "other");
  EXPECT_EQ(new_output("a\nyes\nok\n", "a\n", "yes"), "ok");
  EXPECT_EQ(new_output("a\n", "a\n", ""), "");
}

TEST(run_reply, texts_name_their_numbers) {
  EXPECT_EQ(completed_suffix(3, std::nullopt), "\n[The command completed with exit code 3.]");
  EXPECT_EQ(completed_suffix(130, 'c'),
            "\n[The command completed with exit code 130. CTRL+C was sent.]");
  EXPECT_EQ(no_change_suffix(std::chrono::seconds(10)).substr(0, 60),
            "\n[The command has no new output after 10 seconds. You may wa");
  EXPECT_EQ(time_out_suffix(2).substr(0, 44), "\n[The command timed out after 2.0 seconds. Y");
  EXPECT_EQ(truncated_prefix("a\nb"), "[Previous command outputs are truncated. Showing the last 2 "
                                      "lines of the output below.]\n");
  EXPECT_EQ(strip_lines("a  \n\t\nb"), "a\n\nb");
}

} // namespace
} // namespace sandfleet::agent
