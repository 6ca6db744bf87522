#include <sandfleet/settings.hpp>

#include <gtest/gtest.h>

#include <functional>

namespace sandfleet {
namespace {

using std::chrono::milliseconds;

struct bad_case {
  std::string setting;
  std::function<void(settings&)> spoil;
};

TEST(settings, defaults_are_good) {
  EXPECT_TRUE(validate(settings{}));
}

TEST(settings, a_bad_value_is_named_with_what_is_allowed) {
  const std::vector<bad_case> cases = {
      {"provider", [](settings& s) { s.provider = provider_name("nobody"); }},
      {"image", [](settings& s) { s.image = "ubuntu:22.04"; }},
      {"image", [](settings& s) { s.image = "rootfs:relative"; }},
      {"state_dir", [](settings& s) { s.state_dir = "relative"; }},
      {"state_dir", [](settings& s) { s.state_dir = "/" + std::string(60, 'x'); }},
      {"agent_program", [](settings& s) { s.agent_program = "sandfleet-agent"; }},
      {"launcher_program", [](settings& s) { s.launcher_program = std::string("/a\0", 3); }},
      {"io_threads", [](settings& s) { s.io_threads = 0; }},
      {"io_threads", [](settings& s) { s.io_threads = 65; }},
      {"max_parallel_starts", [](settings& s) { s.max_parallel_starts = 10'001; }},
      {"start_attempts", [](settings& s) { s.start_attempts = 0; }},
      {"start_attempts", [](settings& s) { s.start_attempts = 21; }},
      {"start_backoff_base", [](settings& s) { s.start_backoff_base = milliseconds(0); }},
      {"start_backoff_cap", [](settings& s) { s.start_backoff_cap = std::chrono::hours(25); }},
      {"start_backoff_cap", [](settings& s) { s.start_backoff_cap = milliseconds(99); }},
      {"health_interval", [](settings& s) { s.health_interval = milliseconds(-1); }},
      {"health_timeout", [](settings& s) { s.health_timeout = milliseconds(0); }},
  };
  for (const auto& [setting, spoil] : cases) {
    settings s;
    spoil(s);
    const auto checked = validate(s);
    ASSERT_FALSE(checked) << setting;
    const auto& failure = checked.error();
    EXPECT_EQ(failure.code, errc::invalid_configuration);
    EXPECT_EQ(failure.message.substr(0, setting.size() + 1), setting + ":");
    EXPECT_EQ(failure.cause.substr(0, 9), "allowed: ");
    EXPECT_EQ(failure.evidence, (evidence_list{{"setting", setting}}));
  }
}

TEST(settings, values_at_the_bounds_are_good) {
  settings s;
  s.image = "rootfs:/srv/root";
  s.state_dir = "/" + std::string(59, 'x');
  s.io_threads = 64;
  s.start_attempts = 20;
  s.start_backoff_base = s.start_backoff_cap = milliseconds(1);
  s.health_interval = milliseconds(0);
  EXPECT_TRUE(validate(s));
}

} // namespace
} // namespace sandfleet
