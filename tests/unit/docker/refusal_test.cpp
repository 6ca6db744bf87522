#include "runtime/docker/client.hpp"

#include <gmock/gmock.h>

#include <cerrno>

namespace sandfleet::docker {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(refusals, say_what_the_daemon_said) {
  const auto failure = explain_refusal("start it", 500, R"({"message":"no space left"})");
  EXPECT_EQ(failure.message, "docker: cannot start it");
  EXPECT_EQ(failure.cause, "no space left");
  EXPECT_EQ(failure.blame, failure_class::infrastructure);
  EXPECT_THAT(failure.evidence, Contains(Pair("http_status", evidence_value(std::int64_t{500}))));
  EXPECT_THAT(failure.evidence, Contains(Pair("said_by", evidence_value("engine"))));
  const auto text = failure.to_string();
  EXPECT_EQ(text.find("no space left"), text.rfind("no space left")) << text;
}

TEST(refusals, have_a_code_and_a_class_by_their_status) {
  EXPECT_EQ(explain_refusal("x", 404, "{}").code, errc::not_found);
  EXPECT_EQ(explain_refusal("x", 404, "{}").blame, failure_class::task);
  EXPECT_EQ(explain_refusal("x", 409, "{}").code, errc::already_exists);
  EXPECT_EQ(explain_refusal("x", 403, "{}").code, errc::permission_denied);
  EXPECT_EQ(explain_refusal("x", 400, "{}").code, errc::invalid_argument);
}

TEST(refusals, of_an_engine_whose_disk_is_full_say_so) {
  const auto failure =
      explain_refusal("create it", 404, R"({"message":"mkdir /x: no space left on device"})");
  EXPECT_EQ(failure.code, errc::io_error);
  EXPECT_EQ(failure.blame, failure_class::infrastructure);
  EXPECT_THAT(failure.hint, HasSubstr("docker system df"));
}

TEST(refusals, may_be_anything_at_all) {
  EXPECT_EQ(explain_refusal("x", 502, "<html>").cause, "<html>");
  EXPECT_EQ(explain_refusal("x", 502, "").cause, "the engine answered 502");
  EXPECT_LE(explain_refusal("x", 500, std::string(100'000, 'x')).cause.size(), 2000U);
}

TEST(silence, tells_what_to_do_about_the_socket) {
  engine_host host;
  host.where = transport::unix_endpoint{"/var/run/docker.sock"};
  host.origin = "the usual place";
  const auto of = [&](int number) {
    return explain_silence(
        host, make_error(errc::connection_failed, "GET /").with("errno", std::int64_t{number}));
  };
  EXPECT_THAT(of(ENOENT).message,
              HasSubstr("no Docker engine answers at unix:/var/run/docker.sock"));
  EXPECT_THAT(of(ENOENT).hint, HasSubstr("start Docker"));
  EXPECT_EQ(of(EACCES).code, errc::permission_denied);
  EXPECT_THAT(of(EACCES).hint, HasSubstr("docker"));
  const auto distrusted = explain_silence(
      host, make_error(errc::connection_failed, "x").with("tls", std::string("unknown_authority")));
  EXPECT_THAT(distrusted.hint, HasSubstr("ca.pem"));
  for (const auto code : {errc::timed_out, errc::protocol_error, errc::connection_failed}) {
    const auto silent = explain_silence(host, make_error(code, "late"));
    EXPECT_EQ(silent.code, code);
    EXPECT_THAT(silent.message, HasSubstr("unix:/var/run/docker.sock (the usual place): late"));
    EXPECT_THAT(silent.hint, HasSubstr("DOCKER_HOST"));
  }
  const auto taken_back = make_error(errc::cancelled, "x");
  EXPECT_EQ(explain_silence(host, taken_back), taken_back);
}

} // namespace
} // namespace sandfleet::docker
