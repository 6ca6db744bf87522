#include "sandbox_agent/log.hpp"
#include "sandbox_agent/options.hpp"

#include <gtest/gtest.h>

#include <array>

using namespace sandfleet;
using namespace sandfleet::agent;

TEST(agent_options, command_line_of_the_reference_is_read) {
  const auto read =
      parse_options({"3000", "--working-dir", "/workspace", "--plugins", "agent_skills", "jupyter",
                     "--username", "root", "--user-id", "0", "--no-enable-browser"},
                    {});
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(std::get<transport::tcp_endpoint>(read->listen).port, 3000);
  EXPECT_EQ(read->working_dir, "/workspace");
  EXPECT_EQ(read->plugins, (std::vector<std::string>{"agent_skills", "jupyter"}));
  EXPECT_EQ(read->username, "root");
  EXPECT_EQ(read->user_id, 0U);
}

TEST(agent_options, key_is_taken_out_of_the_environment) {
  const auto read = parse_options({"--unix=/s"}, {{"SESSION_API_KEY", "k"}, {"A", "1"}});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->session_key, "k");
  EXPECT_EQ(read->env, (std::map<std::string, std::string>{{"A", "1"}}));
  EXPECT_EQ(std::get<transport::unix_endpoint>(read->listen).path, "/s");
}

TEST(agent_options, descriptors_are_read) {
  const auto read =
      parse_options({"--listen-fd", "3", "--ready-fd", "4", "--lifeline-fd", "5"}, {});
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<inherited_socket>(read->listen).fd, 3);
  EXPECT_EQ(read->ready_fd, 4);
  EXPECT_EQ(read->lifeline_fd, 5);
}

TEST(agent_options, what_is_wrong_is_named) {
  const std::pair<std::vector<std::string>, const char*> cases[]{
      {{}, "where to listen"},
      {{"1", "--unix", "/s"}, "where to listen"},
      {{"99999"}, "PORT"},
      {{"abc"}, "PORT"},
      {{"--unix"}, "--unix"},
      {{"1", "--ready-fd", "x"}, "--ready-fd"},
      {{"1", "--fly"}, "--fly"},
      {{"1", "--plugins", "chess"}, "Plugin chess not found"},
      {{"1", "--plugins"}, "--plugins"},
      {{"1", "--user-id", "4294967295"}, "--user-id"},
      {{"1", "--user-id", "-1"}, "0 to 4294967294"},
      {{"1", "--username", "a:b"}, "--username"},
      {{"1", "--username", "a\nb"}, "--username"},
      {{"1", "--username", "../x"}, "--username"},
      {{"1", "--username", ".."}, "--username"},
      {{"1", "--username", "-u"}, "--username"},
      {{"1", "--enable-browser=yes"}, "it takes no value"},
      {{"1", "--browsergym-eval-env", "miniwob", "--no-enable-browser"},
       "Browser environment is not enabled in config, but browsergym_eval_env is set"},
      {{"1", "--browsergym-eval-env", "two", "words"}, "PORT"},
  };
  for (const auto& [arguments, name] : cases) {
    const auto read = parse_options(arguments, {});
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find(name), std::string::npos) << read.error().message;
  }
  const std::array<std::string, 3> variables[]{
      {"NO_CHANGE_TIMEOUT_SECONDS", "soon", "1 to 1000000"},
      {"NO_CHANGE_TIMEOUT_SECONDS", "0", "1 to 1000000"},
      {"INIT_PLUGIN_TIMEOUT", "-5", "1 to 1000000"},
      {"RUNTIME_MAX_MEMORY_GB", "1.5", "1 to 1048576"},
  };
  for (const auto& [name, text, limits] : variables) {
    const auto read = parse_options({"1"}, {{name, text}});
    ASSERT_FALSE(read) << name;
    EXPECT_EQ(read.error().message.find(name + ": '" + text + "'"), 0U) << read.error().message;
    EXPECT_NE(read.error().message.find(limits), std::string::npos) << read.error().message;
  }
}

TEST(agent_options, environment_of_the_reference_is_read_and_handed_on) {
  const std::map<std::string, std::string> environment{{"SU_TO_USER", "No"},
                                                       {"RUNTIME_USERNAME", "dev"},
                                                       {"SANDBOX_GROUP_ID", "1000"},
                                                       {"VSCODE_PORT", "40001"},
                                                       {"APP_PORT_1", "50001"},
                                                       {"APP_PORT_2", "55001"},
                                                       {"RUNTIME_ID", "abc"},
                                                       {"LOG_JSON", "1"},
                                                       {"INIT_PLUGIN_TIMEOUT", "5"},
                                                       {"RUNTIME_MAX_MEMORY_GB", " 4 "},
                                                       {"RUNTIME_MEMORY_MONITOR", "Yes"}};
  const auto read = parse_options({"1"}, environment);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->env, environment);
  EXPECT_FALSE(read->su_to_user);
  EXPECT_EQ(read->runtime_username, "dev");
  EXPECT_EQ(read->workspace_group, "1000");
  EXPECT_EQ(read->max_memory_gb, 4);
  EXPECT_TRUE(read->memory_monitor);
  EXPECT_TRUE(read->warnings.empty());
}

TEST(agent_options, defaults_are_the_references) {
  const auto read = parse_options({"1"}, {{"RUNTIME_MAX_MEMORY_GB", ""}});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->su_to_user);
  EXPECT_EQ(read->workspace_group, "root");
  EXPECT_FALSE(read->memory_monitor);
  EXPECT_FALSE(read->max_memory_gb);
  EXPECT_FALSE(read->username);
}

TEST(agent_options, what_has_no_effect_is_warned_of) {
  const auto read = parse_options({"1", "--plugins", "vscode"}, {{"APP_PORT_1", "80/tcp"}});
  ASSERT_TRUE(read);
  ASSERT_EQ(read->warnings.size(), 2U);
  EXPECT_EQ(read->warnings[0], "APP_PORT_1: '80/tcp' is not a number (port) from 1 to 65535");
  EXPECT_EQ(read->warnings[1], "the plugin 'vscode' cannot be had here");
}

TEST(agent_options, browsergym_takes_one_word) {
  const auto read = parse_options({"--browsergym-eval-env", "miniwob", "3000"}, {});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->browsergym_eval_env, "miniwob");
  EXPECT_TRUE(parse_options({"1", "--browsergym-eval-env", "", "--no-enable-browser"}, {}));
}

TEST(agent_log, lines_have_the_fields_of_the_reference) {
  EXPECT_EQ(
      log_line(log_level::warning, "a \"b\"\nc", "level",
               std::chrono::system_clock::time_point(std::chrono::microseconds(1763746616020249))),
      "{\"message\":\"a \\\"b\\\"\\nc\",\"level\":\"WARNING\","
      "\"timestamp\":\"2025-11-21T17:36:56.020249+00:00\"}\n");
  EXPECT_EQ(log_line(log_level::info, "a", std::nullopt, {}), "sandfleet-agent: a\n");
}
