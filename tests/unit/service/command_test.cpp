#include "runtime/service/command.hpp"

#include <gtest/gtest.h>

namespace sandfleet::service {
namespace {

TEST(client_command, is_quoted_and_gets_the_key) {
  protocol::runtime_start asked;
  asked.working_dir = "/work space";
  asked.command = {"serve", "--name", "it's $HOME"};
  EXPECT_EQ(command_text(asked, "k"),
            "cd '/work space' && env SESSION_API_KEY=k OH_SESSION_API_KEYS_0=k 'serve' '--name' "
            "'it'\\''s $HOME' </dev/null");
}

TEST(client_command, its_end_is_read_from_the_observation) {
  const auto end =
      read_command_end(200, R"({"content":"bye","extras":{"metadata":{"exit_code":3}}})");
  EXPECT_EQ(end.exit_code, 3);
  EXPECT_EQ(end.output, "bye");
  EXPECT_EQ(to_string(end), "exit code 3");
  const auto killed = read_command_end(
      200, R"({"content":"[The kernel killed 1 process of the sandbox for memory]"})");
  EXPECT_EQ(to_string(killed), "OOMKilled");
}

TEST(client_command, what_is_no_observation_is_kept_as_it_came) {
  for (const char* body : {"", "{", "[]", R"({"content":1,"extras":[]})",
                           R"({"extras":{"metadata":{"exit_code":"0"}}})"}) {
    const auto end = read_command_end(200, body);
    EXPECT_EQ(end.exit_code, std::nullopt) << body;
    EXPECT_EQ(to_string(end), "its end is not known");
  }
  EXPECT_EQ(read_command_end(500, "broken").output, "broken");
}

TEST(client_command, its_port_is_read_from_its_words) {
  using words = std::vector<std::string>;
  EXPECT_EQ(protocol::read_served_port(words{"server", "--port", "60000"}), 60000);
  EXPECT_EQ(protocol::read_served_port(words{"server", "--port=8000", "x"}), 8000);
  for (const auto& none : {words{}, words{"server"}, words{"--port"}, words{"--port", "x"},
                           words{"--port=0"}, words{"--port=65536"}, words{"--portal", "80"}})
    EXPECT_EQ(protocol::read_served_port(none), std::nullopt);
}

} // namespace
} // namespace sandfleet::service
