#include "sandbox_agent/user/accounts.hpp"

#include <gtest/gtest.h>

using namespace sandfleet::agent;

namespace {

constexpr std::string_view passwd = "root:x:0:0:root:/root:/bin/bash\n"
                                    "# a remark\n"
                                    "\n"
                                    "+::::::\n"
                                    "short:x:5\n"
                                    "long:x:6:6:a:b:c:d\n"
                                    "many:x:4294967295:0::/:/bin/sh\n"
                                    "words:x:one:0::/:/bin/sh\n"
                                    "minus:x:-1:0::/:/bin/sh\n"
                                    "plus:x:+7:0::/:/bin/sh\n"
                                    "dev:x:1000:1001:Dev,,,:/home/dev:/bin/zsh\n"
                                    "dev:x:1002:1002::/other:/bin/sh\n"
                                    "bare:x:4294967294:8::::\n"
                                    "bare:x:4294967294:8:::";

} // namespace

TEST(agent_accounts, the_first_whole_line_of_that_name_counts) {
  const auto dev = find_account(passwd, "dev");
  ASSERT_TRUE(dev);
  EXPECT_EQ(dev->uid, 1000U);
  EXPECT_EQ(dev->gid, 1001U);
  EXPECT_EQ(dev->home, "/home/dev");
  EXPECT_EQ(dev->shell, "/bin/zsh");
  const auto bare = find_account(passwd, "bare");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->uid, 4294967294U);
  EXPECT_EQ(bare->home, "/");
  EXPECT_EQ(bare->shell, "/bin/sh");
}

TEST(agent_accounts, lines_of_another_form_are_nobody) {
  for (const auto* name :
       {"short", "long", "many", "words", "minus", "plus", "+", "", "# a remark"})
    EXPECT_FALSE(find_account(passwd, std::string_view(name))) << name;
  EXPECT_FALSE(find_account(passwd, uid_t{4294967295}));
  EXPECT_FALSE(find_account("", "root"));
  EXPECT_FALSE(find_account(std::string_view("\0\0:x:1:1::/:/\n", 15), "root"));
}

TEST(agent_accounts, groups_are_found_by_name_and_number) {
  constexpr std::string_view group = "wheel:x:10:a,dev\nsudo:x:27:dev\nbad:x:\nsudo:x:28:\n"
                                     "twice:x:27:dev\n12:x:13:\nnone:x:99999999999:dev";
  EXPECT_EQ(find_group(group, "sudo"), 27U);
  EXPECT_EQ(find_group(group, "1000"), 1000U);
  EXPECT_EQ(find_group(group, "12"), 13U);
  EXPECT_EQ(find_group("", "root"), 0U);
  EXPECT_FALSE(find_group(group, "absent"));
  EXPECT_FALSE(find_group(group, "4294967295"));
  EXPECT_EQ(groups_of(group, "dev"), (std::vector<gid_t>{10, 27}));
  EXPECT_TRUE(groups_of(group, "de").empty());
}

TEST(agent_accounts, names_that_would_break_the_file_or_leave_the_homes_are_none) {
  for (const auto* name : {"openhands", "a", "A.b-c_9", "u1"})
    EXPECT_TRUE(is_account_name(name)) << name;
  for (const auto* name : {"", "a:b", "a\nb", "../x", "..", ".", "-u", "a b", "a/b", "a,b",
                           "\xC3\xA4", "abcdefghijklmnopqrstuvwxyz0123456"})
    EXPECT_FALSE(is_account_name(name)) << name;
  EXPECT_FALSE(is_account_name(std::string_view("a\0b", 3)));
}

TEST(agent_accounts, a_new_account_comes_before_the_one_that_has_its_number) {
  const auto shared = with_account("a:x:1:1::/:/\nb:x:2:2::/:/\n", "new", 2, "/home/new");
  EXPECT_EQ(shared, "a:x:1:1::/:/\nnew:x:2:0::/home/new:/bin/bash\nb:x:2:2::/:/\n");
  EXPECT_EQ(find_account(shared, uid_t{2})->name, "new");
  EXPECT_EQ(with_account("a:x:1:1::/:/", "new", 2, "/h"),
            "a:x:1:1::/:/\nnew:x:2:0::/h:/bin/bash\n");
  EXPECT_EQ(with_account("", "new", 2, "/h"), "new:x:2:0::/h:/bin/bash\n");
}

TEST(agent_accounts, members_are_added_once_and_all_else_stays) {
  EXPECT_EQ(with_member("a:x:1:\nsudo:x:27:\nbad\n", "sudo", "u"), "a:x:1:\nsudo:x:27:u\nbad\n");
  EXPECT_EQ(with_member("sudo:x:27:a", "sudo", "u"), "sudo:x:27:a,u");
  EXPECT_EQ(with_member("sudo:x:27:a,u\n\n", "sudo", "u"), "sudo:x:27:a,u\n\n");
  EXPECT_EQ(with_member("sudo:x:27\n", "sudo", "u"), "sudo:x:27\n");
  EXPECT_EQ(with_member("", "sudo", "u"), "");
}

TEST(agent_accounts, huge_files_are_read) {
  std::string huge;
  while (huge.size() < 4'000'000)
    huge += "u" + std::to_string(huge.size()) + ":x:1:1::/:/bin/sh\n";
  EXPECT_FALSE(find_account(huge, "absent"));
  EXPECT_TRUE(find_account(huge + "last:x:2:2::/:/", "last"));
  EXPECT_FALSE(find_account(std::string(4'000'000, ':'), "a"));
}
