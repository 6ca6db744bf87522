#include "tests/unit/core/config_fixture.hpp"

#include <algorithm>

namespace sandfleet::config {
namespace {

using config_remote = config_test;

TEST_F(config_remote, has_the_names_of_openhands) {
  given_.environment["RUNTIME"] = "remote";
  given_.environment["SANDBOX_REMOTE_RUNTIME_API_URL"] = "https://runtime.example";
  given_.environment["SANDBOX_API_KEY"] = "key-of-somebody";
  given_.environment["SANDBOX_REMOTE_RUNTIME_API_TIMEOUT"] = "10";
  given_.environment["SANDBOX_REMOTE_RUNTIME_INIT_TIMEOUT"] = "90";
  given_.environment["SANDBOX_REMOTE_RUNTIME_RESOURCE_FACTOR"] = "4";
  given_.environment["SANDBOX_REMOTE_RUNTIME_CLASS"] = "sysbox";
  given_.environment["SANDBOX_REMOTE_RUNTIME_ENABLE_RETRIES"] = "false";
  given_.environment["SANDBOX_KEEP_REMOTE_RUNTIME_ALIVE"] = "true";
  const auto config = resolve_good();
  const auto settings = config.engine_settings();
  ASSERT_TRUE(settings) << settings.error().to_string();
  EXPECT_EQ(settings->provider.str(), "remote");
  EXPECT_EQ(settings->remote.api_url, "https://runtime.example");
  EXPECT_EQ(settings->remote.api_key, "key-of-somebody");
  EXPECT_EQ(settings->remote.api_timeout, std::chrono::seconds(10));
  EXPECT_EQ(settings->remote.resource_factor, 4);
  EXPECT_EQ(settings->remote.runtime_class, "sysbox");
  EXPECT_FALSE(settings->remote.enable_retries);
  EXPECT_EQ(settings->at_close, close_action::keep);
  EXPECT_EQ(config.base_spec()->start_timeout, std::chrono::seconds(90));
}

TEST_F(config_remote, leaves_to_the_service_what_nobody_asked_for) {
  given_.environment["RUNTIME"] = "remote";
  const auto usual = resolve_good().base_spec();
  ASSERT_TRUE(usual);
  EXPECT_EQ(usual->limits, resource_limits{});
  EXPECT_EQ(usual->network, "");
  EXPECT_EQ(usual->start_timeout, std::chrono::seconds(180));
  given_.environment["SANDFLEET_MEMORY_MB"] = "512";
  given_.environment["SANDFLEET_START_TIMEOUT"] = "5";
  given_.environment["SANDFLEET_NETWORK"] = "none";
  const auto asked = resolve_good().base_spec();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->limits.memory_mb, 512);
  EXPECT_EQ(asked->network, "none");
  EXPECT_EQ(asked->start_timeout, std::chrono::seconds(5));
}

TEST_F(config_remote, shows_the_key_to_nobody) {
  EXPECT_EQ(resolve_good().shown(key::api_key), "");
  use_file("[sandbox]\napi_key = \"key-of-somebody\"\n");
  EXPECT_EQ(resolve_good().shown(key::api_key), "***");
  use_file("[sandbox]\napi_key = 123456789\n");
  EXPECT_EQ(resolve_bad().to_string().find("123456789"), std::string::npos);
}

TEST_F(config_remote, knows_the_factors_that_there_are) {
  given_.environment["SANDBOX_REMOTE_RUNTIME_RESOURCE_FACTOR"] = "3";
  const auto settings = resolve_good().engine_settings();
  ASSERT_FALSE(settings);
  EXPECT_NE(settings.error().message.find("remote_runtime_resource_factor"), std::string::npos);
  EXPECT_NE(settings.error().to_string().find("1, 2, 4 or 8"), std::string::npos);
}

} // namespace
} // namespace sandfleet::config
