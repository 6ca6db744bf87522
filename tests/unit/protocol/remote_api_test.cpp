#include "runtime/protocol/remote_api.hpp"

#include <gtest/gtest.h>

namespace sandfleet::protocol {
namespace {

TEST(remote_api, a_start_as_openhands_sends_it_is_read) {
  const auto start = decode_runtime_start(R"({
    "image": "ghcr.io/x:1", "command": ["python", "-u"], "working_dir": "/openhands/code/",
    "environment": {"DEBUG": "true"}, "session_id": "abc", "resource_factor": 2.0,
    "runtime_class": "sysbox-runc", "run_as_user": 42420, "anything": [1]})");
  ASSERT_TRUE(start) << start.error().to_string();
  EXPECT_EQ(start->image, "ghcr.io/x:1");
  EXPECT_EQ(start->command, (std::vector<std::string>{"python", "-u"}));
  EXPECT_EQ(start->environment.at("DEBUG"), "true");
  EXPECT_EQ(start->session_id, "abc");
  EXPECT_EQ(start->resource_factor, 2);
  EXPECT_EQ(start->runtime_class, "sysbox-runc");
  EXPECT_EQ(start->run_as_user, 42420);
  EXPECT_EQ(decode_runtime_start(encode_runtime_start(*start)).value(), *start);
}

TEST(remote_api, a_command_may_be_one_text) {
  const auto start =
      decode_runtime_start(R"({"image": "x", "command": "a && b", "session_id": "s"})");
  EXPECT_EQ(start->command, (std::vector<std::string>{"/bin/sh", "-c", "a && b"}));
}

TEST(remote_api, what_is_wrong_is_named) {
  const auto message = [](std::string_view body) {
    const auto start = decode_runtime_start(body);
    EXPECT_FALSE(start && true);
    EXPECT_EQ(start.error().code, errc::invalid_argument);
    return start.error().to_string();
  };
  EXPECT_NE(message(R"({"session_id": "s"})").find("image"), std::string::npos);
  EXPECT_NE(message(R"({"image": "x", "session_id": 1})").find("session_id"), std::string::npos);
  EXPECT_NE(
      message(R"({"image": "x", "session_id": "s", "resource_factor": 3})").find("resource_factor"),
      std::string::npos);
  EXPECT_NE(message(R"({"image": "x", "session_id": "s", "environment": {"A": 1}})").find("A"),
            std::string::npos);
  EXPECT_NE(message("{").find("/start"), std::string::npos);
}

TEST(remote_api, a_runtime_comes_back_as_it_was) {
  runtime_object runtime;
  runtime.runtime_id = "sb-1";
  runtime.session_id = "abc";
  runtime.url = "http://localhost:3000/sb-1";
  runtime.status = "running";
  runtime.pod_status = "ready";
  runtime.restart_count = 1;
  runtime.restart_reasons = {"OOMKilled"};
  runtime.work_hosts = {{"http://localhost:50000", 50000}};
  runtime.session_api_key = "key";
  runtime.image = "x";
  EXPECT_EQ(decode_runtime(encode_runtime(runtime)).value(), runtime);
  const std::vector all{runtime, runtime};
  const auto one = encode_runtime(runtime);
  EXPECT_EQ(encode_runtimes(all, true), "[" + one + "," + one + "]");
  EXPECT_EQ(encode_runtimes(all, false), R"({"runtimes":[)" + one + "," + one + "]}");
}

TEST(remote_api, a_runtime_of_another_service_may_lack_what_is_not_needed) {
  const auto runtime = decode_runtime(
      R"({"runtime_id": "r", "url": "https://r.example.com", "work_hosts": {"https://w": 12000,
          "bad": "x"}, "restart_reasons": null})");
  ASSERT_TRUE(runtime) << runtime.error().to_string();
  EXPECT_EQ(runtime->work_hosts, (std::map<std::string, int>{{"https://w", 12000}}));
  EXPECT_EQ(decode_runtime(R"({"url": "x"})").error().code, errc::protocol_error);
}

TEST(remote_api, an_id_is_read) {
  EXPECT_EQ(decode_runtime_id(encode_runtime_id("sb-1")).value(), "sb-1");
  EXPECT_EQ(decode_runtime_id("{}").error().code, errc::invalid_argument);
}

TEST(remote_api, the_command_of_a_v0_client_is_understood) {
  const std::vector<std::string> words = {"/openhands/micromamba/bin/micromamba",
                                          "run",
                                          "-n",
                                          "openhands",
                                          "poetry",
                                          "run",
                                          "python",
                                          "-u",
                                          "-m",
                                          "openhands.runtime.action_execution_server",
                                          "60000",
                                          "--working-dir",
                                          "/workspace",
                                          "--plugins",
                                          "agent_skills",
                                          "jupyter",
                                          "--username",
                                          "openhands",
                                          "--user-id",
                                          "1000",
                                          "--no-enable-browser"};
  const auto found = read_action_server_command(words);
  ASSERT_TRUE(found && *found) << found.error().to_string();
  const auto& server = **found;
  EXPECT_EQ(server.port, 60000);
  EXPECT_EQ(server.working_dir, "/workspace");
  EXPECT_EQ(server.plugins, (std::vector<std::string>{"agent_skills", "jupyter"}));
  EXPECT_EQ(server.username, "openhands");
  EXPECT_EQ(server.user_id, 1000);
  EXPECT_FALSE(server.enable_browser);
}

TEST(remote_api, a_script_and_equals_signs_are_understood) {
  const std::vector<std::string> words = {"python", "/code/action_execution_server.py",
                                          "--user-id=0", "4000", "--working-dir=/w"};
  const auto found = read_action_server_command(words);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->port, 4000);
  EXPECT_EQ((*found)->user_id, 0);
  EXPECT_EQ((*found)->working_dir, "/w");
  EXPECT_TRUE((*found)->enable_browser);
}

TEST(remote_api, another_command_is_somebody_elses) {
  const std::vector<std::string> words = {"/usr/local/bin/openhands-agent-server", "--port",
                                          "60000"};
  EXPECT_EQ(read_action_server_command(words).value(), std::nullopt);
  EXPECT_EQ(read_action_server_command({}).value(), std::nullopt);
}

TEST(remote_api, arguments_that_the_server_would_refuse_are_refused) {
  for (const auto& rest : std::vector<std::vector<std::string>>{{"--user-id", "x"},
                                                                {"--user-id"},
                                                                {"--unheard-of"},
                                                                {"1", "2"},
                                                                {"70000"},
                                                                {"--working-dir", "--plugins"}}) {
    std::vector<std::string> words = {"openhands.runtime.action_execution_server"};
    words.insert(words.end(), rest.begin(), rest.end());
    EXPECT_FALSE(read_action_server_command(words)) << rest[0];
  }
}

} // namespace
} // namespace sandfleet::protocol
