#include "sandbox_agent/files/edit_history.hpp"

#include <gtest/gtest.h>

using sandfleet::agent::files::edit_history;

TEST(edit_history, gives_back_the_last_first) {
  edit_history history;
  history.add("/a", "one");
  history.add("/b", "other");
  history.add("/a", "");
  EXPECT_EQ(history.pop("/a"), "");
  EXPECT_EQ(history.pop("/a"), "one");
  EXPECT_EQ(history.pop("/a"), std::nullopt);
  EXPECT_EQ(history.pop("/b"), "other");
}

TEST(edit_history, keeps_ten_of_each_file) {
  edit_history history;
  for (int i = 0; i < 12; ++i)
    history.add("/a", std::to_string(i));
  for (int i = 11; i >= 2; --i)
    EXPECT_EQ(history.pop("/a"), std::to_string(i));
  EXPECT_EQ(history.pop("/a"), std::nullopt);
}
