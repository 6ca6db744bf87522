#include "runtime/journal/database.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::journal {
namespace {

constexpr std::array<std::string_view, 2> two_versions = {
    "CREATE TABLE one (x INTEGER)", "ALTER TABLE one ADD COLUMN y TEXT NOT NULL DEFAULT 'old'"};
constexpr std::span<const std::string_view> first_version(two_versions.data(), 1);

class database_test : public testing::Test {
 protected:
  /// Runs `work` in a process of its own, which it must end by a signal.
  static void in_a_process_that_is_killed(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      work();
      ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
  }

  static std::int64_t count(database& db) {
    std::int64_t found = -1;
    EXPECT_TRUE(db.query("SELECT COUNT(*) FROM one", {},
                         [&](const row_view& row) { found = row.integer(0); }));
    return found;
  }

  tests::temporary_directory dir_;
  std::string path_ = dir_.path() + "/x.db";
};

TEST_F(database_test, what_was_written_is_there_after_the_death_of_the_process) {
  in_a_process_that_is_killed([this] {
    auto db = database::open(path_, two_versions);
    const std::array<column, 1> seven = {std::int64_t{7}};
    for (int i = 0; db && i < 100; ++i)
      (void)db->run("INSERT INTO one (x) VALUES (?1)", seven);
    // Half of a transaction, which must not be there.
    (void)db->run("BEGIN IMMEDIATE");
    (void)db->run("DELETE FROM one");
    ::kill(::getpid(), SIGKILL);
  });
  auto db = database::open(path_, two_versions);
  ASSERT_TRUE(db) << db.error().to_string();
  EXPECT_EQ(count(*db), 100);
}

TEST_F(database_test, an_older_file_is_brought_up_to_date_and_keeps_its_rows) {
  {
    auto db = database::open(path_, first_version);
    ASSERT_TRUE(db && db->run("INSERT INTO one (x) VALUES (1)"));
  }
  auto db = database::open(path_, two_versions);
  ASSERT_TRUE(db) << db.error().to_string();
  std::string y;
  ASSERT_TRUE(db->query("SELECT y FROM one", {}, [&](const row_view& row) { y = row.text(0); }));
  EXPECT_EQ(y, "old");
}

TEST_F(database_test, a_file_of_a_newer_program_is_left_alone) {
  ASSERT_TRUE(database::open(path_, two_versions));
  const auto db = database::open(path_, first_version);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().cause, "its version is 2, the newest known 1");
}

TEST_F(database_test, a_step_that_fails_changes_nothing) {
  constexpr std::array<std::string_view, 2> bad = {
      two_versions[0], "CREATE TABLE two (x INTEGER); INSERT INTO nowhere VALUES (1)"};
  EXPECT_FALSE(database::open(path_, bad));
  auto db = database::open(path_, two_versions);
  ASSERT_TRUE(db) << db.error().to_string();
  EXPECT_EQ(count(*db), 0);
}

TEST_F(database_test, it_is_open_in_one_process_at_a_time) {
  const auto first = database::open(path_, two_versions);
  ASSERT_TRUE(first);
  const auto second = database::open(path_, two_versions);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().hint.find("another supervisor"), std::string::npos)
      << second.error().to_string();
}

TEST_F(database_test, only_its_user_may_read_it) {
  const auto db = database::open(path_, two_versions);
  ASSERT_TRUE(db);
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0077, 0U) << entry.path();
  }
}

TEST_F(database_test, what_is_no_database_is_refused_by_name) {
  std::ofstream(path_) << std::string(8192, 'x');
  const auto db = database::open(path_, two_versions);
  ASSERT_FALSE(db);
  EXPECT_NE(db.error().message.find(path_), std::string::npos);
  EXPECT_NE(db.error().hint.find("move"), std::string::npos) << db.error().to_string();
}

TEST_F(database_test, a_directory_that_is_missing_is_told) {
  const auto db = database::open(dir_.path() + "/none/x.db", two_versions);
  ASSERT_FALSE(db);
  EXPECT_EQ(db.error().code, errc::io_error);
  EXPECT_FALSE(db.error().hint.empty());
}

TEST_F(database_test, a_full_disk_is_an_error_and_loses_nothing) {
  auto db = database::open(path_, two_versions);
  ASSERT_TRUE(db && db->run("INSERT INTO one (x) VALUES (1)"));
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{256U << 10, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::array<column, 1> big = {std::string(1U << 20, 'x')};
  const auto written = db->run("INSERT INTO one (y) VALUES (?1)", big);
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, before);
  EXPECT_FALSE(written);
  EXPECT_EQ(count(*db), 1);
  EXPECT_TRUE(db->run("INSERT INTO one (y) VALUES (?1)", big));
}

TEST_F(database_test, bytes_and_nothing_come_back_as_they_were) {
  auto db = database::open(path_, two_versions);
  ASSERT_TRUE(db);
  const std::array<column, 2> odd = {column(), std::string("a\0b\xff", 4)};
  ASSERT_TRUE(db->run("INSERT INTO one (x, y) VALUES (?1, ?2)", odd));
  std::string y;
  bool is_null = false;
  ASSERT_TRUE(db->query("SELECT x, y FROM one", {}, [&](const row_view& row) {
    is_null = row.is_null(0);
    y = row.text(1);
  }));
  EXPECT_TRUE(is_null);
  EXPECT_EQ(y, std::string("a\0b\xff", 4));
}

TEST_F(database_test, a_transaction_that_fails_is_taken_back) {
  auto db = database::open(path_, two_versions);
  ASSERT_TRUE(db);
  const auto done = db->atomically([&]() -> result<void> {
    EXPECT_TRUE(db->run("INSERT INTO one (x) VALUES (1)"));
    return fail(errc::cancelled, "no");
  });
  EXPECT_EQ(done.error().code, errc::cancelled);
  EXPECT_EQ(count(*db), 0);
}

} // namespace
} // namespace sandfleet::journal
