#include "sandbox_agent/options.hpp"

#include <gtest/gtest.h>

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
  };
  for (const auto& [arguments, name] : cases) {
    const auto read = parse_options(arguments, {});
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find(name), std::string::npos) << read.error().message;
  }
  const auto limit = parse_options({"1"}, {{"NO_CHANGE_TIMEOUT_SECONDS", "soon"}});
  ASSERT_FALSE(limit);
  EXPECT_NE(limit.error().message.find("NO_CHANGE_TIMEOUT_SECONDS"), std::string::npos);
}
