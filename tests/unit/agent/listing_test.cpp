#include "sandbox_agent/files/listing.hpp"
#include "tests/unit/agent/directory.hpp"

#include <gtest/gtest.h>

using namespace sandfleet::agent::files;
using names = std::vector<std::string>;

TEST(list_files, directories_come_first_without_regard_to_case) {
  directory where;
  where.write("b", "");
  where.write("A", "");
  where.write("Zed/x", "");
  where.write("yak/x", "");
  std::filesystem::create_symlink("nowhere", where.at("broken"));
  EXPECT_EQ(list_files(where.at()), (names{"yak/", "Zed/", "A", "b"}));
  EXPECT_EQ(list_files(where.at("b")), names{});
  EXPECT_EQ(list_files(where.at("missing")), names{});
  EXPECT_EQ(list_files(std::string(where.at()) + '\0'), names{});
}

TEST(match_glob, relative_patterns_give_relative_paths) {
  directory where;
  where.write("w[1]/b.py", "");
  where.write("w[1]/a.py", "");
  where.write("w[1]/c.txt", "");
  const auto base = where.at("w[1]");
  EXPECT_EQ(*match_glob("*.py", base), (names{"a.py", "b.py"}));
  EXPECT_EQ(*match_glob("c.txt", base), names{"c.txt"});
  EXPECT_EQ(*match_glob("missing", base), names{});
  EXPECT_EQ(*match_glob("", base), names{});
  EXPECT_EQ(*match_glob(where.at("*/c.txt"), "/"), names{base + "/c.txt"});
}

TEST(match_glob, wildcards_never_lead_upwards) {
  directory where;
  where.write("w/.hidden", "");
  where.write("w/a/b", "");
  where.write("outside", "");
  EXPECT_EQ(*match_glob(".*", where.at("w")), names{".hidden"});
  EXPECT_EQ(*match_glob(".*/*", where.at("w")), names{});
  EXPECT_EQ(*match_glob("../o*", where.at("w")), names{"../outside"}); // where it is said, they do
}
