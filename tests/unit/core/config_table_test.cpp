#include "runtime/config/layers.hpp"
#include "runtime/config/setting_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace sandfleet::config {
namespace {

TEST(setting_table, has_a_row_for_each_key_in_order) {
  ASSERT_EQ(setting_table().size(), key_count);
  EXPECT_EQ(info(key::provider).name, "provider");
  EXPECT_EQ(info(key::health_timeout).name, "health_timeout");
  EXPECT_EQ(info(key::workspace).name, "workspace");
  EXPECT_EQ(info(key::timeout).name, "timeout");
  EXPECT_EQ(info(key::log_level).name, "log_level");
  EXPECT_EQ(static_cast<std::size_t>(key::log_level) + 1, key_count);
  for (std::size_t i = 0; i < key_count; ++i)
    EXPECT_EQ(find_setting(setting_table()[i].name), static_cast<key>(i));
}

TEST(setting_table, gives_every_name_once) {
  std::set<std::string> names;
  const auto add = [&](std::string_view name) {
    if (!name.empty()) {
      EXPECT_TRUE(names.emplace(name).second) << name;
    }
  };
  for (const auto& setting : setting_table()) {
    add(setting.name);
    add(setting.flag);
    for (const auto& other : setting.aliases) {
      add(other.environment);
      add(other.file_key);
    }
  }
  for (const auto name : ignored_file_keys())
    add(name);
}

TEST(setting_table, describes_every_setting) {
  for (const auto& setting : setting_table()) {
    EXPECT_FALSE(setting.description.empty()) << setting.name;
    EXPECT_FALSE(setting.placeholder.empty()) << setting.name;
    EXPECT_FALSE(allowed_values(setting).empty()) << setting.name;
    EXPECT_EQ(setting.kind == value_kind::choice, !setting.choices.empty() &&
                                                      setting.kind != value_kind::integer &&
                                                      setting.kind != value_kind::text)
        << setting.name;
  }
}

TEST(setting_table, has_defaults_that_are_good_values) {
  for (const auto& setting : setting_table())
    if (!setting.default_value.empty()) {
      EXPECT_TRUE(read_value(setting, std::string(setting.default_value), {}, {"/", "/"}))
          << setting.name;
    }
}

TEST(setting_table, says_what_is_allowed) {
  EXPECT_EQ(allowed_values(info(key::network)), "none, host, bridge, or a name");
  EXPECT_EQ(allowed_values(info(key::io_threads)), "a whole number from 1 to 64");
  EXPECT_EQ(allowed_values(info(key::concurrency)), "auto, or a whole number from 1 to 100000");
  EXPECT_EQ(allowed_values(info(key::cpus)), "a number from 0.01 to 4096");
}

} // namespace
} // namespace sandfleet::config
