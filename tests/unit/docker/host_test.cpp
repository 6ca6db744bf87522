#include "runtime/docker/host.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sandfleet::docker {
namespace {

namespace fs = std::filesystem;
using transport::tcp_endpoint;
using transport::unix_endpoint;

class engine_hosts : public ::testing::Test {
 protected:
  void SetUp() override { around_.home = files_.path() + "/home"; }

  void write(const std::string& path, const std::string& text) const {
    const fs::path whole = files_.path() + "/" + path;
    fs::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }

  engine_host found(const std::string& given = {}) const {
    auto host = find_engine_host(around_, given);
    EXPECT_TRUE(host) << host.error().to_string();
    return host.value_or(engine_host{});
  }

  tests::temporary_directory files_;
  host_surroundings around_;
};

TEST_F(engine_hosts, what_is_given_goes_before_the_environment) {
  around_.environment["DOCKER_HOST"] = "tcp://far:1";
  EXPECT_EQ(found("unix:///here.sock").where, transport::endpoint(unix_endpoint{"/here.sock"}));
  EXPECT_EQ(found().where, transport::endpoint(tcp_endpoint{"far", 1}));
  EXPECT_EQ(found().origin, "DOCKER_HOST");
}

TEST_F(engine_hosts, addresses_have_the_usual_ports) {
  const auto at = [&](const std::string& host) { return found(host).where; };
  EXPECT_EQ(at("tcp://far"), transport::endpoint(tcp_endpoint{"far", 2375}));
  EXPECT_EQ(at("https://far"), transport::endpoint(tcp_endpoint{"far", 2376}));
  EXPECT_EQ(at("tcp://10.0.0.1:99/"), transport::endpoint(tcp_endpoint{"10.0.0.1", 99}));
  EXPECT_EQ(at("tcp://[::1]:99"), transport::endpoint(tcp_endpoint{"::1", 99}));
  EXPECT_EQ(at("tcp://[::1]"), transport::endpoint(tcp_endpoint{"::1", 2375}));
  around_.environment["DOCKER_TLS_VERIFY"] = "1";
  EXPECT_EQ(at("tcp://far"), transport::endpoint(tcp_endpoint{"far", 2376}));
}

TEST_F(engine_hosts, tls_takes_the_files_that_are_there) {
  write("certs/ca.pem", "");
  write("certs/cert.pem", "");
  around_.environment = {{"DOCKER_HOST", "tcp://far"},
                         {"DOCKER_TLS_VERIFY", "1"},
                         {"DOCKER_CERT_PATH", files_.path() + "/certs"}};
  const auto tls = found().tls;
  ASSERT_TRUE(tls);
  EXPECT_EQ(*tls, (tls_files{files_.path() + "/certs/ca.pem", files_.path() + "/certs/cert.pem", "",
                             true}));
}

TEST_F(engine_hosts, tls_is_verified_only_where_that_is_asked_for) {
  const auto verified = [&](std::map<std::string, std::string> environment) {
    around_.environment = std::move(environment);
    around_.environment["DOCKER_HOST"] = "tcp://far:1";
    const auto tls = found().tls;
    return !tls ? "plain" : tls->verify ? "verified" : "not verified";
  };
  const auto place = files_.path() + "/certs";
  EXPECT_STREQ(verified({}), "plain");
  EXPECT_STREQ(verified({{"DOCKER_TLS_VERIFY", ""}}), "plain");
  EXPECT_STREQ(verified({{"DOCKER_TLS_VERIFY", "1"}}), "verified");
  EXPECT_STREQ(verified({{"DOCKER_TLS_VERIFY", "1"}, {"DOCKER_CERT_PATH", place}}), "verified");
  EXPECT_STREQ(verified({{"DOCKER_TLS_VERIFY", ""}, {"DOCKER_CERT_PATH", place}}), "not verified");
  EXPECT_STREQ(verified({{"DOCKER_TLS", "1"}}), "not verified");
  around_.environment.clear();
  EXPECT_TRUE(found("https://far").tls.value_or(tls_files{.verify = false}).verify);
}

TEST_F(engine_hosts, tls_files_are_those_of_the_configuration_unless_others_are_named) {
  write("config/key.pem", "");
  write("home/.docker/ca.pem", "");
  around_.environment = {{"DOCKER_HOST", "tcp://far"}, {"DOCKER_TLS_VERIFY", "1"}};
  EXPECT_EQ(found().tls.value_or(tls_files{}).ca, files_.path() + "/home/.docker/ca.pem");
  around_.environment["DOCKER_CONFIG"] = files_.path() + "/config";
  EXPECT_EQ(found().tls.value_or(tls_files{}).key, files_.path() + "/config/key.pem");
  around_.environment["DOCKER_CERT_PATH"] = "/nowhere";
  EXPECT_EQ(found().tls.value_or(tls_files{}).ca, "/nowhere/ca.pem") << "to be missed by its name";
}

TEST_F(engine_hosts, a_context_without_files_may_want_tls_that_is_not_verified) {
  write("home/.docker/contexts/meta/0b/meta.json",
        R"({"Name":"lab","Endpoints":{"docker":{"Host":"tcp://lab:7","SkipTLSVerify":true}}})");
  around_.environment["DOCKER_CONTEXT"] = "lab";
  const auto tls = found().tls;
  ASSERT_TRUE(tls);
  EXPECT_FALSE(tls->verify);
}

TEST_F(engine_hosts, the_current_context_is_found_by_its_name) {
  write("home/.docker/config.json", R"({"currentContext": "lab", "auths": {}})");
  write("home/.docker/contexts/meta/0a/meta.json", R"({"Name": "other", "Endpoints": {}})");
  write("home/.docker/contexts/meta/0b/meta.json",
        R"({"Name":"lab","Endpoints":{"docker":{"Host":"tcp://lab:7","SkipTLSVerify":true}}})");
  write("home/.docker/contexts/tls/0b/docker/ca.pem", "");
  const auto host = found();
  EXPECT_EQ(host.where, transport::endpoint(tcp_endpoint{"lab", 7}));
  EXPECT_EQ(host.origin, "the context 'lab'");
  ASSERT_TRUE(host.tls);
  EXPECT_FALSE(host.tls->verify);
  around_.environment["DOCKER_CONTEXT"] = "default";
  EXPECT_TRUE(found().is_local());
}

TEST_F(engine_hosts, what_cannot_be_an_engine_is_named) {
  const auto failure = [&](const std::string& host) {
    const auto read = find_engine_host(around_, host);
    EXPECT_FALSE(read) << host;
    return read ? error{} : read.error();
  };
  for (const auto* host :
       {"far", "ftp://far", "tcp://", "tcp://far:0", "tcp://far:x", "unix://rel"})
    EXPECT_EQ(failure(host).code, errc::invalid_configuration) << host;
  for (const auto* host : {"ssh://far", "npipe:////./pipe/docker_engine", "fd://"})
    EXPECT_EQ(failure(host).code, errc::unsupported) << host;
  around_.environment["DOCKER_CONTEXT"] = "none";
  EXPECT_EQ(failure("").message, "the context 'none' does not exist");
}

} // namespace
} // namespace sandfleet::docker
