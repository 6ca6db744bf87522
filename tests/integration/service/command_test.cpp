#include "tests/integration/service/service_fixture.hpp"

namespace sandfleet::service {
namespace {

using testing::HasSubstr;
using transport::http_reply;

/// A server that says what it was given.
constexpr const char* server = R"(
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die":
            os._exit(3)
        told = f"{os.getcwd()} {os.environ['GREETING']} {os.environ['SESSION_API_KEY']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
)";

class service_command : public service_test {
 protected:
  void SetUp() override {
    if (tests::tests_docker())
      GTEST_SKIP() << "the image of the tests has no Python";
    begin();
  }
  void TearDown() override {
    if (engine_)
      service_test::TearDown();
  }

  protocol::runtime_object start_with(std::vector<std::string> command) {
    protocol::runtime_start start;
    start.image = image_;
    start.session_id = "one";
    start.working_dir = "/workspace";
    start.command = std::move(command);
    start.environment = {{"GREETING", "hello"}};
    return runtime_of(call("POST", "/start", protocol::encode_runtime_start(start)));
  }

  http_reply get(const protocol::runtime_object& of, const std::string& path) {
    return call("GET", "/" + of.runtime_id + path, {}, nullptr);
  }
};

TEST_F(service_command, takes_the_agents_place) {
  const auto told = start_with({"python3", "-c", server, "--port", "8123"});
  wait_until_ready(told.runtime_id);
  const auto got = get(told, "/any");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "/workspace hello " + told.session_api_key);
}

TEST_F(service_command, outlives_the_service) {
  const auto told = start_with({"python3", "-c", server, "--port", "8123"});
  wait_until_ready(told.runtime_id);
  end();
  begin();
  wait_until_ready(told.runtime_id);
  EXPECT_EQ(get(told, "/any").status, 200);
  EXPECT_EQ(runtime_of(call("GET", "/runtime/" + told.runtime_id)).restart_count, 0);
}

TEST_F(service_command, that_ends_is_begun_again_and_that_is_told) {
  const auto told = start_with({"python3", "-c", server, "--port", "8123"});
  wait_until_ready(told.runtime_id);
  (void)get(told, "/die");
  protocol::runtime_object now;
  do
    now = runtime_of(call("GET", "/runtime/" + told.runtime_id));
  while (now.restart_count == 0 && now.status != "error");
  EXPECT_EQ(now.restart_count, 1);
  EXPECT_EQ(now.restart_reasons, std::vector<std::string>{"exit code 3"});
  wait_until_ready(told.runtime_id);
  EXPECT_EQ(get(told, "/any").status, 200);
}

TEST_F(service_command, that_ends_again_and_again_is_a_failure_with_its_words) {
  const auto told = start_with({"sh", "-c", "echo no such model; exit 7"});
  protocol::runtime_object now;
  do
    now = runtime_of(call("GET", "/runtime/" + told.runtime_id));
  while (now.status != "error");
  EXPECT_EQ(now.pod_status, "failed");
  EXPECT_EQ(now.restart_count, 5);
  EXPECT_THAT(now.restart_reasons.back(), HasSubstr("exit code 7"));
  const auto refused = get(told, "/any");
  EXPECT_EQ(refused.status, 502);
  EXPECT_THAT(refused.body, HasSubstr("no such model"));
  EXPECT_THAT(refused.body, HasSubstr("\"class\":\"task\""));
}

} // namespace
} // namespace sandfleet::service
