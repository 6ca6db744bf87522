#include "runtime/providers/registry.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace sandfleet::providers {
namespace {

namespace fs = std::filesystem;

class registry_test : public ::testing::Test {
 protected:
  std::shared_ptr<registry> open() {
    auto opened = registry::open(dir_);
    if (!opened)
      throw std::runtime_error(opened.error().to_string());
    return *opened;
  }

  static sandbox_record record(const registry& of, const char* id) {
    sandbox_record made;
    made.id = sandbox_id(id);
    made.owner = of.owner();
    made.boot_id = "boot";
    return made;
  }

  tests::temporary_directory directory_;
  const std::string& dir_ = directory_.path();
};

TEST(sandbox_record, reads_as_it_was_written) {
  sandbox_record record;
  record.id = sandbox_id("sb-0123456789abcdef");
  record.owner = "token";
  record.isolation = isolation_mode::none;
  record.launcher = 4'194'304;
  record.launcher_start = std::uint64_t{1} << 52;
  record.boot_id = "b";
  record.created_ms = 1'700'000'000'000;
  record.labels = {{"a\"b", "c\nd"}};
  record.owner_pid = 12;
  record.kept = true;
  record.expires_ms = 1'800'000'000'000;
  record.image = "host";
  record.workspace = "/work";
  record.overlays = "/srv/overlays/sandfleet-sb-0123456789abcdef";
  record.was_asked_for = true;
  record.runtime_id = "abcdefgh";
  const auto read = parse_record(to_json(record));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(*read, record);
}

TEST(sandbox_record, nonsense_is_an_error) {
  for (const char* text : {"", "{", "[]", "{}", R"({"id":1})"})
    EXPECT_FALSE(parse_record(text)) << text;
}

TEST(sandbox_record, an_owner_is_no_path) {
  sandbox_record record;
  record.id = sandbox_id("sb-0123456789abcdef");
  for (const char* owner : {"", "..", "../../etc/passwd", "a/b", "a b"}) {
    record.owner = owner;
    EXPECT_FALSE(parse_record(to_json(record))) << owner;
  }
}

TEST_F(registry_test, an_entry_appears_whole_and_once) {
  const auto entries = open();
  const auto made = record(*entries, "sb-0123456789abcdef");
  ASSERT_TRUE(entries->add(made, "key"));
  EXPECT_TRUE(fs::exists(entries->dir_of(made.id) + "/record.json"));
  EXPECT_EQ(entries->add(made, "key").error().code, errc::already_exists);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_ + "/sandboxes"), {}), 1);
}

TEST_F(registry_test, entries_of_the_living_are_no_orphans) {
  const auto one = open();
  const auto other = open();
  ASSERT_NE(one->owner(), other->owner());
  ASSERT_TRUE(one->add(record(*one, "sb-0000000000000001"), "key"));
  ASSERT_TRUE(other->add(record(*other, "sb-0000000000000002"), "key"));
  const auto scan = one->find_orphans();
  ASSERT_TRUE(scan);
  EXPECT_TRUE(scan->orphans.empty());
  EXPECT_TRUE(scan->dead_leases.empty());
}

TEST_F(registry_test, entries_of_an_owner_that_went_are_orphans) {
  const auto one = open();
  {
    const auto other = open();
    ASSERT_TRUE(other->add(record(*other, "sb-0000000000000002"), "key"));
  }
  const auto scan = one->find_orphans();
  ASSERT_TRUE(scan);
  ASSERT_EQ(scan->orphans.size(), 1U);
  EXPECT_EQ(scan->orphans[0].id.str(), "sb-0000000000000002");
  ASSERT_TRUE(scan->orphans[0].record);
  EXPECT_EQ(scan->orphans[0].record->boot_id, "boot");
}

TEST_F(registry_test, a_kept_entry_lives_as_long_as_its_launcher) {
  const auto one = open();
  const sandbox_id id("sb-0000000000000002");
  std::optional<file_lock> launcher;
  {
    const auto other = open();
    auto kept = record(*other, id.str().c_str());
    auto lock = other->add(kept, "secret");
    ASSERT_TRUE(lock);
    launcher = std::move(*lock);
    kept.kept = true;
    ASSERT_TRUE(other->update(kept));
    EXPECT_TRUE(one->find(id)->owned);
  }
  const auto found = one->find(id);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->owned);
  EXPECT_TRUE(found->held);
  EXPECT_FALSE(found->abandoned());
  EXPECT_EQ(found->session_key, "secret");
  EXPECT_TRUE(one->find_orphans()->orphans.empty());
  launcher.reset();
  EXPECT_TRUE(one->find(id)->abandoned());
  EXPECT_EQ(one->list().size(), 1U);
  EXPECT_EQ(one->find_orphans()->orphans.size(), 1U);
}

TEST_F(registry_test, what_is_not_an_entry_is_not_found) {
  const auto one = open();
  for (const char* id : {"", "..", "sb-", "sb-0000000000000001", "sb-000000000000000g"})
    EXPECT_FALSE(one->find(sandbox_id(id))) << id;
  fs::create_directory(dir_ + "/sandboxes/sb-0000000000000001");
  EXPECT_FALSE(one->find(sandbox_id("sb-0000000000000001"))) << "it has no record";
  std::ofstream(dir_ + "/sandboxes/sb-0000000000000001/record.json")
      << to_json(record(*one, "sb-0000000000000002"));
  EXPECT_FALSE(one->find(sandbox_id("sb-0000000000000001"))) << "its record is of another";
  EXPECT_TRUE(one->list().empty());
}

TEST_F(registry_test, looking_does_not_make_the_dead_seem_alive) {
  const auto one = open();
  {
    const auto other = open();
    ASSERT_TRUE(other->add(record(*other, "sb-0000000000000002"), "key"));
  }
  const auto looking = file_lock::try_share(dir_ + "/sandboxes/sb-0000000000000002/key");
  ASSERT_TRUE(looking);
  EXPECT_FALSE(one->find(sandbox_id("sb-0000000000000002"))->held);
  EXPECT_EQ(one->find_orphans()->orphans.size(), 1U);
}

TEST_F(registry_test, one_scan_at_a_time) {
  const auto one = open();
  const auto other = open();
  {
    const auto scan = one->find_orphans();
    ASSERT_TRUE(scan);
    EXPECT_FALSE(other->find_orphans());
  }
  EXPECT_TRUE(other->find_orphans());
}

TEST_F(registry_test, a_dead_lease_is_forgotten_and_a_held_one_is_not) {
  const auto one = open();
  const auto other = open();
  std::ofstream(dir_ + "/owners/dead.lock") << "";
  auto scan = one->find_orphans();
  ASSERT_TRUE(scan);
  one->forget(*scan);
  EXPECT_FALSE(fs::exists(dir_ + "/owners/dead.lock"));
  EXPECT_TRUE(fs::exists(dir_ + "/owners/" + other->owner() + ".lock"));
  EXPECT_TRUE(fs::exists(dir_ + "/owners/" + one->owner() + ".lock"));
}

TEST_F(registry_test, the_session_of_what_was_removed_is_forgotten_with_it) {
  const auto one = open();
  auto left = record(*one, "sb-0000000000000001");
  left.owner = "dead";
  left.session_id = "mine";
  ASSERT_TRUE(one->add(left, "key"));
  auto scan = one->find_orphans();
  ASSERT_TRUE(scan);
  ASSERT_EQ(scan->orphans.size(), 1U);
  fs::remove_all(scan->orphans[0].dir);
  one->forget(*scan);
  EXPECT_TRUE(fs::is_empty(dir_ + "/sessions"));
}

TEST_F(registry_test, a_directory_that_others_may_write_to_is_refused) {
  fs::permissions(dir_, fs::perms(0777));
  const auto opened = registry::open(dir_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::permission_denied);
  EXPECT_FALSE(opened.error().hint.empty());
}

TEST_F(registry_test, a_link_in_the_place_of_a_directory_is_refused) {
  fs::create_directory(dir_ + "/real");
  fs::create_directory_symlink("real", dir_ + "/link");
  EXPECT_FALSE(registry::open(dir_ + "/link"));
}

TEST_F(registry_test, a_missing_directory_is_made_for_this_user_alone) {
  const auto opened = registry::open(dir_ + "/a/b");
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ(fs::status(dir_ + "/a/b").permissions(), fs::perms(0700));
}

} // namespace
} // namespace sandfleet::providers
