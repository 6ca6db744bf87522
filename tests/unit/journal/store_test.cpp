#include "runtime/journal/store.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace sandfleet::journal {
namespace {

using namespace std::chrono_literals;

time_point at(std::int64_t seconds) {
  return time_point(std::chrono::seconds(seconds));
}

sandbox_row some_row(const std::string& id, time_point created = at(1000)) {
  sandbox_row row;
  row.id = sandbox_id(id);
  row.session_id = "session-" + id;
  row.owner = "team";
  row.provider = provider_name("docker");
  row.image = "python:3.12";
  row.request = R"({"environment":{"TOKEN":"hush"}})";
  row.session_key = "key-of-" + id;
  row.state = "STATUS$STARTING_RUNTIME";
  row.created = row.used = created;
  return row;
}

class store_test : public testing::Test {
 protected:
  store open() { return std::move(store::open(dir_.path()).value()); }
  tests::temporary_directory dir_;
};

TEST_F(store_test, a_sandbox_is_what_it_was_after_a_restart) {
  auto row = some_row("sb-1");
  row.expires = at(5000);
  row.restarts = 2;
  row.restart_reasons = R"(["OOMKilled"])";
  ASSERT_TRUE(open().put(row));
  auto again = open();
  EXPECT_EQ(again.find(row.id).value(), row);
  EXPECT_EQ(again.find(sandbox_id("sb-2")).value(), std::nullopt);
  EXPECT_EQ(again.sandboxes(false).value(), std::vector{row});
}

TEST_F(store_test, secrets_are_not_in_the_file) {
  auto journal = open();
  ASSERT_TRUE(journal.put(some_row("sb-1")));
  for (const char* name : {"/journal.db", "/journal.db-wal"}) {
    std::ostringstream text;
    text << std::ifstream(dir_.path() + name, std::ios::binary).rdbuf();
    EXPECT_EQ(text.str().find("hush"), std::string::npos) << name;
    EXPECT_EQ(text.str().find("key-of-"), std::string::npos) << name;
  }
}

TEST_F(store_test, changes_of_state_are_kept_in_order_and_in_the_row) {
  auto journal = open();
  ASSERT_TRUE(journal.put(some_row("sb-1")));
  ASSERT_TRUE(journal.put(some_row("sb-2")));
  const auto note = [&](const char* id, const char* from, const char* to, const char* verdict) {
    status_row row{0, sandbox_id(id), from, to, verdict, at(2000)};
    ASSERT_TRUE(journal.note(row));
  };
  note("sb-1", "a", "b", "");
  note("sb-2", "a", "b", "");
  note("sb-1", "b", "c", R"({"code":"sandbox_lost"})");
  const auto one = journal.history(sandbox_id("sb-1"), 0, 10).value();
  ASSERT_EQ(one.size(), 2U);
  EXPECT_EQ(one[1].to, "c");
  EXPECT_EQ(one[1].verdict, R"({"code":"sandbox_lost"})");
  EXPECT_EQ(journal.history(sandbox_id(), 0, 10).value().size(), 3U);
  EXPECT_EQ(journal.history(sandbox_id(), one[0].number, 1).value()[0].id, sandbox_id("sb-2"));
  EXPECT_EQ(journal.find(sandbox_id("sb-1")).value()->state, "c");
  EXPECT_EQ(journal.find(sandbox_id("sb-1")).value()->verdict, R"({"code":"sandbox_lost"})");
}

TEST_F(store_test, those_that_ended_are_apart) {
  auto journal = open();
  auto ended = some_row("sb-1");
  ended.ended = at(3000);
  ASSERT_TRUE(journal.put(ended));
  ASSERT_TRUE(journal.put(some_row("sb-2")));
  EXPECT_EQ(journal.sandboxes(false).value().size(), 1U);
  EXPECT_EQ(journal.sandboxes(true).value().size(), 2U);
}

TEST_F(store_test, an_action_is_known_by_its_key) {
  action_row row{sandbox_id("sb-1"), "k", "POST", "/execute_action", at(10), {}, 0};
  ASSERT_TRUE(open().begin(row));
  auto journal = open();
  EXPECT_EQ(journal.action(row.id, "k").value(), row);
  row.ended = at(11);
  row.status = 200;
  ASSERT_TRUE(journal.end(row));
  EXPECT_EQ(journal.action(row.id, "k").value(), row);
  EXPECT_EQ(journal.action(row.id, "other").value(), std::nullopt);
}

TEST_F(store_test, what_ended_long_ago_is_forgotten_and_what_lives_is_not) {
  auto journal = open();
  auto old = some_row("sb-1");
  old.ended = at(1);
  auto fresh = some_row("sb-2");
  fresh.ended = at(100'000);
  ASSERT_TRUE(journal.put(old) && journal.put(fresh) && journal.put(some_row("sb-3", at(1))));
  for (const char* id : {"sb-1", "sb-2", "sb-3"}) {
    ASSERT_TRUE(journal.note({0, sandbox_id(id), "a", "b", "", at(1)}));
    ASSERT_TRUE(journal.begin({sandbox_id(id), "k", "POST", "/", at(1), {}, 0}));
  }
  const auto gone = journal.retain({.age = 1h}, at(100'100));
  ASSERT_TRUE(gone) << gone.error().to_string();
  std::vector<std::string> left;
  const auto kept = journal.sandboxes(true).value();
  for (const auto& row : kept)
    left.push_back(row.id.str());
  EXPECT_EQ(left, (std::vector<std::string>{"sb-3", "sb-2"}));
  EXPECT_EQ(journal.history(sandbox_id("sb-1"), 0, 10).value().size(), 0U);
  EXPECT_EQ(journal.history(sandbox_id("sb-3"), 0, 10).value().size(), 1U);
  EXPECT_TRUE(journal.action(sandbox_id("sb-3"), "k").value());
  EXPECT_FALSE(journal.action(sandbox_id("sb-1"), "k").value());
}

TEST_F(store_test, no_table_grows_beyond_its_bound) {
  auto journal = open();
  for (int i = 0; i < 20; ++i) {
    auto row = some_row("sb-" + std::to_string(i));
    row.ended = at(100 + i);
    ASSERT_TRUE(journal.put(row));
    ASSERT_TRUE(journal.note({0, row.id, "a", "b", "", at(100)}));
  }
  ASSERT_TRUE(journal.retain({.age = 10'000h, .most_rows = 5}, at(200)));
  EXPECT_EQ(journal.sandboxes(true).value().size(), 5U);
  EXPECT_EQ(journal.history(sandbox_id(), 0, 100).value().size(), 5U);
}

} // namespace
} // namespace sandfleet::journal
