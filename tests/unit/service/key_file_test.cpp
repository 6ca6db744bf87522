#include "runtime/service/key_file.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sys/stat.h>

namespace sandfleet::service {
namespace {

TEST(key_file, tables_are_keys) {
  const auto keys = parse_key_file(R"(
[team-a]
key = "secret"
max_sandboxes = 10
[team-b]
key = "other"
starts_per_minute = 60
max_cpus = 2.5
max_memory_mb = 4096
idle_pause_s = 900
time_to_live_s = 3600
auto_resume = false
)",
                                   "keys.toml");
  ASSERT_TRUE(keys) << keys.error().to_string();
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ((*keys)[0].name, "team-a");
  EXPECT_EQ((*keys)[0].secret, "secret");
  EXPECT_EQ((*keys)[0].quota.max_sandboxes, 10);
  EXPECT_EQ((*keys)[0].policy, key_policy{});
  EXPECT_EQ((*keys)[1].quota,
            (key_quota{.starts_per_minute = 60, .max_cpus = 2.5, .max_memory_mb = 4096}));
  EXPECT_EQ((*keys)[1].policy,
            (key_policy{false, std::chrono::seconds(900), std::chrono::seconds(3600)}));
}

TEST(key_file, what_is_wrong_is_named_with_its_line) {
  for (const char* text :
       {"key = 'x'", "[a]\nkey = 1", "[a]\nsecret = 'x'", "[a]\nmax_sandboxes = -1",
        "[a]\nmax_sandboxes = 'many'", "[a]\nstarts_per_minute = 1.5", "[a]\nidle_pause_s = 0",
        "[a]\ntime_to_live_s = 1e12", "[a]\nauto_resume = 1", "[a]\nmax_cpus = -1", "[a"}) {
    const auto keys = parse_key_file(text, "keys.toml");
    ASSERT_FALSE(keys) << text;
    EXPECT_EQ(keys.error().code, errc::invalid_configuration);
    EXPECT_NE(keys.error().message.find("keys.toml:"), std::string::npos)
        << keys.error().to_string();
  }
}

TEST(key_file, a_file_that_others_can_read_is_refused) {
  const tests::temporary_directory dir;
  const auto path = dir / "keys.toml";
  std::ofstream(path) << "[a]\nkey = 'x'\n";
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_EQ(read_key_file(path).error().code, errc::permission_denied);
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_TRUE(read_key_file(path));
  EXPECT_EQ(read_key_file(dir / "none").error().code, errc::not_found);
}

} // namespace
} // namespace sandfleet::service
