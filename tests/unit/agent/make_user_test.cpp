#include "sandbox_agent/user/give_tree.hpp"
#include "sandbox_agent/user/make_user.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <filesystem>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace sandfleet;
using namespace sandfleet::agent;
using sandfleet::tests::temporary_directory;

namespace {

/// Root gives files to others; anybody to himself.
uid_t somebody() {
  return ::geteuid() == 0 ? 12'345 : ::geteuid();
}

user_files files_in(const temporary_directory& directory) {
  return {directory / "etc", directory / "home"};
}

struct stat status_of(const std::string& path) {
  struct stat found {};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found;
}

const std::atomic<bool> never = false;

} // namespace

TEST(agent_make_user, image_gets_what_useradd_would_write) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root makes users";
  const temporary_directory image;
  image.write("etc/passwd", "root:x:0:0:root:/root:/bin/bash");
  image.write("etc/shadow", "root:*:1::::::\n");
  image.write("etc/group", "root:x:0:\nsudo:x:27:\n");
  image.write("etc/gshadow", "sudo:*::\n");
  ::chmod(image.write("etc/sudoers", "Defaults env_reset\n").c_str(), 0440);
  image.write("etc/skel/.bashrc", "# rc\n");
  image.write("etc/skel/.config/x", "");
  const auto made = make_user(files_in(image), "openhands", somebody());
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_TRUE(made->remarks.empty());
  EXPECT_EQ(image.read(image / "etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n"
                                              "openhands:x:12345:0::" +
                                                  (image / "home/openhands") + ":/bin/bash\n");
  EXPECT_EQ(image.read(image / "etc/group"), "root:x:0:\nsudo:x:27:openhands\n");
  EXPECT_EQ(image.read(image / "etc/gshadow"), "sudo:*::openhands\n");
  EXPECT_EQ(image.read(image / "etc/sudoers"),
            "Defaults env_reset\n%sudo ALL=(ALL) NOPASSWD:ALL\n");
  EXPECT_EQ(status_of(image / "etc/sudoers").st_mode & 07777U, 0440U);
  EXPECT_NE(image.read(image / "etc/shadow").find("\nopenhands:!:"), std::string::npos);
  for (const auto* name : {"", "/.bashrc", "/.config", "/.config/x"})
    EXPECT_EQ(status_of((image / "home/openhands") + name).st_uid, somebody()) << name;
}

TEST(agent_make_user, image_without_files_gets_the_one_that_is_needed) {
  const temporary_directory image;
  const auto made = make_user(files_in(image), "openhands", somebody());
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_TRUE(find_account(image.read(image / "etc/passwd"), "openhands"));
  for (const auto* absent : {"shadow", "group", "gshadow", "sudoers"})
    EXPECT_FALSE(std::filesystem::exists(image / "etc" + "/" + absent)) << absent;
}

TEST(agent_make_user, what_cannot_be_is_refused_and_changes_nothing) {
  const temporary_directory image;
  image.write("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
  for (const auto* name : {"a:b", "a\nroot2:x:0:0::/:/bin/sh", "../x", "-u", ""}) {
    const auto refused = make_user(files_in(image), name, somebody());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::invalid_argument);
  }
  EXPECT_EQ(make_user(files_in(image), "openhands", 0).error().code, errc::invalid_argument);
  EXPECT_EQ(image.read(image / "etc/passwd"), "root:x:0:0::/root:/bin/sh\n");
  EXPECT_FALSE(std::filesystem::exists(image / "home"));
}

TEST(agent_make_user, accounts_that_cannot_be_read_are_not_written_over) {
  const temporary_directory image;
  std::filesystem::create_directories(image / "etc/passwd");
  EXPECT_FALSE(make_user(files_in(image), "openhands", somebody()));
  const temporary_directory huge;
  huge.write("etc/passwd", "");
  ASSERT_EQ(::truncate((huge / "etc/passwd").c_str(), off_t{17} << 20), 0);
  EXPECT_FALSE(make_user(files_in(huge), "openhands", somebody()));
  EXPECT_EQ(std::filesystem::file_size(huge / "etc/passwd"), 17U << 20U);
}

TEST(agent_make_user, home_that_is_a_link_is_not_followed) {
  const temporary_directory image;
  std::filesystem::create_directories(image / "elsewhere");
  std::filesystem::create_directories(image / "home");
  std::filesystem::create_directory_symlink(image / "elsewhere", image / "home/openhands");
  const auto before = status_of(image / "elsewhere").st_uid;
  const auto made = make_user(files_in(image), "openhands", somebody());
  ASSERT_TRUE(made);
  EXPECT_EQ(made->remarks.size(), 1U);
  EXPECT_EQ(status_of(image / "elsewhere").st_uid, before);
}

TEST(agent_give_tree, all_of_it_and_nothing_beyond_its_links) {
  const temporary_directory place;
  place.write("outside/secret", "");
  place.write("w/a/b/c", "");
  std::filesystem::create_symlink(place / "outside/secret", place / "w/file_link");
  std::filesystem::create_directory_symlink(place / "outside", place / "w/a/link");
  const auto before = status_of(place / "outside/secret").st_uid;
  const auto done = give_tree(place / "w", {somebody(), ::getegid()}, never);
  EXPECT_EQ(done.seen, 6U);
  EXPECT_EQ(done.refused, 0U) << done.first_refusal;
  for (const auto* name : {"w", "w/a", "w/a/b", "w/a/b/c", "w/file_link", "w/a/link"})
    EXPECT_EQ(status_of(place / name).st_uid, somebody()) << name;
  EXPECT_EQ(status_of(place / "outside").st_uid, before);
  EXPECT_EQ(status_of(place / "outside/secret").st_uid, before);
  EXPECT_EQ(give_tree(place / "w", {somebody(), ::getegid()}, never).given, 0U);
}

TEST(agent_give_tree, deep_trees_take_neither_descriptors_nor_stack) {
  const temporary_directory place;
  std::filesystem::create_directories(place / "w");
  int at = ::open((place / "w").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  constexpr int depth = 300;
  for (int i = 0; i < depth; ++i) {
    ASSERT_EQ(::mkdirat(at, "d", 0755), 0);
    const int below = ::openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ::close(at);
    at = below;
  }
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{static_cast<rlim_t>(at) + 8, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &few);
  const auto done = give_tree(place / "w", {somebody(), ::getegid()}, never);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(done.refused, 0U) << done.first_refusal;
  EXPECT_EQ(done.seen, depth + 1U);
  struct stat last {};
  ASSERT_EQ(::fstat(at, &last), 0);
  EXPECT_EQ(last.st_uid, somebody());
  ::close(at);
}

TEST(agent_give_tree, link_in_the_place_of_the_directory_is_given_itself) {
  const temporary_directory place;
  place.write("outside/secret", "");
  std::filesystem::create_directory_symlink(place / "outside", place / "w");
  const auto before = status_of(place / "outside").st_uid;
  EXPECT_EQ(give_tree(place / "w", {somebody(), ::getegid()}, never).seen, 1U);
  EXPECT_EQ(status_of(place / "w").st_uid, somebody());
  EXPECT_EQ(status_of(place / "outside").st_uid, before);
}
