#include "runtime/service/addressing.hpp"

#include <gtest/gtest.h>

namespace sandfleet::service {
namespace {

constexpr const char* id = "sb-0123456789abcdef";

struct case_of {
  std::string host;
  std::string target;
  server_kind server;
  std::string sent;
  std::string prefix;
};

TEST(addressing, hosts_and_paths_name_a_sandbox_and_its_server) {
  const std::string below = std::string("/") + id;
  const std::vector<case_of> cases = {
      {"localhost:3000", below, server_kind::main, "/", below},
      {"localhost:3000", below + "/alive?x=1", server_kind::main, "/alive?x=1", below},
      {"localhost", below + "?x=1", server_kind::main, "/?x=1", below},
      {"", below + "/vscode/connection_token", server_kind::main, "/vscode/connection_token",
       below},
      {"", below + "/vscode", server_kind::vscode, below + "/vscode", ""},
      {"", below + "/vscode/a?b", server_kind::vscode, below + "/vscode/a?b", ""},
      {"", below + "/vscodex", server_kind::main, "/vscodex", below},
      {"", below + "/work-1", server_kind::work_1, "/", below + "/work-1"},
      {"", below + "/work-2/a/b?c=d", server_kind::work_2, "/a/b?c=d", below + "/work-2"},
      {"", below + "/work-3", server_kind::main, "/work-3", below},
      {std::string(id) + ".example.com", "/alive", server_kind::main, "/alive", ""},
      {"SB-0123456789ABCDEF.example.com:443", "/", server_kind::main, "/", ""},
      {std::string("vscode-") + id + ".example.com", "/?tkn=1", server_kind::vscode, "/?tkn=1", ""},
      {std::string("work-2-") + id + ".example.com", "/x", server_kind::work_2, "/x", ""},
      // V1's clients put the server before the host whatever the mode.
      {"vscode-localhost:3000", below + "/?tkn=1", server_kind::vscode, "/?tkn=1", below},
      {"work-1-localhost:3000", below, server_kind::work_1, "/", below},
  };
  for (const auto& one : cases) {
    const auto found = read_address(one.host, one.target);
    ASSERT_TRUE(found) << one.host << one.target;
    EXPECT_EQ(found->id, id) << one.host << one.target;
    EXPECT_EQ(found->server, one.server) << one.host << one.target;
    EXPECT_EQ(found->target, one.sent) << one.host << one.target;
    EXPECT_EQ(found->prefix, one.prefix) << one.host << one.target;
  }
}

TEST(addressing, other_requests_are_for_no_sandbox) {
  for (const char* target : {"/", "/start", "/sb-", "/sb-0123456789abcdeg/x", "/sessions/sb-1", "*",
                             "", "/sb-0123456789abcdef0", "/%73b-0123456789abcdef"})
    for (const char* host : {"", "localhost", "vscode-", "work-1-.", "sb-1.example.com"})
      EXPECT_FALSE(read_address(host, target)) << host << " " << target;
}

TEST(addressing, urls_hold_the_id_in_host_or_path) {
  EXPECT_EQ(url_of("http://h:1", id), std::string("http://h:1/") + id);
  EXPECT_EQ(url_of("https://{runtime_id}.h", id), "https://" + std::string(id) + ".h");
  EXPECT_EQ(work_hosts_of("https://{runtime_id}.h", id, 1, 2),
            (std::map<std::string, int>{{"https://work-1-" + std::string(id) + ".h", 1},
                                        {"https://work-2-" + std::string(id) + ".h", 2}}));
  EXPECT_EQ(work_hosts_of("http://h", id, 1, 2).begin()->first,
            "http://h/" + std::string(id) + "/work-1");
}

} // namespace
} // namespace sandfleet::service
