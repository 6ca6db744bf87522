#include "runtime/docker/registry_login.hpp"
#include "runtime/protocol/base64.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sandfleet::docker {
namespace {

using ::testing::HasSubstr;

TEST(registry_of, is_the_first_part_where_that_is_a_host) {
  EXPECT_EQ(registry_of("busybox"), "docker.io");
  EXPECT_EQ(registry_of("library/busybox:1"), "docker.io");
  EXPECT_EQ(registry_of("index.docker.io/library/busybox"), "docker.io");
  EXPECT_EQ(registry_of("ghcr.io/all-hands-ai/runtime:1"), "ghcr.io");
  EXPECT_EQ(registry_of("localhost/a"), "localhost");
  EXPECT_EQ(registry_of("127.0.0.1:5000/a/b@sha256:0"), "127.0.0.1:5000");
}

registry_login login_in(const std::string& config, const std::string& registry) {
  const auto found = find_login(config, registry);
  EXPECT_TRUE(found) << found.error().to_string();
  const auto* login = found ? std::get_if<registry_login>(&*found) : nullptr;
  EXPECT_NE(login, nullptr) << config;
  return login != nullptr ? *login : registry_login{};
}

TEST(find_login, reads_every_form_of_an_entry) {
  const auto packed = protocol::base64_encode("ada:a:b");
  const auto of_host = R"({"auths":{"r.example":{"auth":")" + packed + R"("}}})";
  EXPECT_EQ(login_in(of_host, "r.example"), (registry_login{"ada", "a:b", "", "r.example"}));
  const auto of_address = R"({"auths":{"https://r.example/v2/":{"auth":")" + packed + R"("}}})";
  EXPECT_EQ(login_in(of_address, "r.example").user, "ada");
  EXPECT_EQ(login_in(R"({"auths":{"r":{"username":"u","password":"p"}}})", "r"),
            (registry_login{"u", "p", "", "r"}));
  const auto token =
      login_in(R"({"auths":{"r":{"auth":")" + packed + R"(","identitytoken":"t"}}})", "r");
  EXPECT_EQ(token.identity_token, "t");
  const auto hub = R"({"auths":{"https://index.docker.io/v1/":{"auth":")" + packed + R"("}}})";
  EXPECT_EQ(login_in(hub, "docker.io").server, "https://index.docker.io/v1/");
}

TEST(find_login, prefers_programs) {
  const auto config = R"({"credsStore":"desktop","credHelpers":{"r":"special"},
                          "auths":{"r":{"username":"u","password":"p"}}})";
  EXPECT_EQ(find_login(config, "r"), login_source(login_program{"special", "r"}));
  EXPECT_EQ(find_login(config, "q"), login_source(login_program{"desktop", "q"}));
}

TEST(find_login, finds_nothing_where_there_is_nothing) {
  for (const auto* config : {"", " \n", "{}", R"({"auths":{"other":{"auth":"YTpi"}}})",
                             R"({"auths":{"r":{}}})", R"({"auths":[1]})"})
    EXPECT_EQ(find_login(config, "r"), login_source()) << config;
}

TEST(find_login, names_what_cannot_be_read) {
  EXPECT_EQ(find_login("{", "r").error().code, errc::invalid_configuration);
  const auto bad = find_login(R"({"auths":{"r":{"auth":"!"}}})", "r");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("'r'"));
  EXPECT_THAT(bad.error().message, testing::Not(HasSubstr("!")));
}

TEST(auth_header, is_json_in_base64_for_addresses) {
  auto text = auth_header({"u", "\xff\xfe\xff?>", "", "r"});
  EXPECT_EQ(text.find_first_of("+/"), std::string::npos);
  EXPECT_EQ(protocol::base64_decode(auth_header({"", "", "t", "r"})),
            R"({"identitytoken":"t","serveraddress":"r"})");
}

TEST(read_login, knows_tokens) {
  EXPECT_EQ(*read_login(R"({"ServerURL":"r","Username":"u","Secret":"p"})", "r"),
            (registry_login{"u", "p", "", "r"}));
  EXPECT_EQ(read_login(R"({"Username":"<token>","Secret":"t"})", "r")->identity_token, "t");
}

/// Docker's config.json names the program NAME, which is TEXT.
class login_programs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(place_ / "config.json") << R"({"credsStore":"mine"})";
    path_ = std::getenv("PATH");
    ::setenv("PATH", (place_.string() + ":" + path_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }

  result<std::string> auth_with(const std::string& text, int patience_ms = 30'000) {
    const auto program = place_ / "docker-credential-mine";
    std::ofstream(program) << "#!/bin/sh\n" << text << "\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    host_surroundings around;
    around.environment["DOCKER_CONFIG"] = place_.string();
    boost::asio::io_context io;
    auto done = boost::asio::co_spawn(io,
                                      registry_auth(io.get_executor(), around, "r.example/a:1",
                                                    std::chrono::milliseconds(patience_ms)),
                                      boost::asio::use_future);
    io.run();
    return done.get();
  }

 private:
  tests::temporary_directory held_;
  std::filesystem::path place_ = held_.path();
  std::string path_;
};

TEST_F(login_programs, are_asked_for_the_registry) {
  const auto got = auth_with(R"(read -r server; cat; echo noise >&2
    echo "{\"Username\":\"$server\",\"Secret\":\"$1\"}")");
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_EQ(protocol::base64_decode(*got),
            R"({"username":"r.example","password":"get","serveraddress":"r.example"})");
}

TEST_F(login_programs, may_know_nobody) {
  EXPECT_EQ(auth_with("echo 'credentials not found in native keychain'; exit 1"), "");
}

TEST_F(login_programs, that_fail_say_why) {
  const auto got = auth_with("echo 'the keychain is locked'; exit 1");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().cause, "the keychain is locked");
  EXPECT_EQ(got.error().blame, failure_class::infrastructure);
}

TEST_F(login_programs, that_hang_are_killed) {
  const auto got = auth_with("exec cat /dev/zero >/dev/null", 50);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::timed_out);
}

} // namespace
} // namespace sandfleet::docker
