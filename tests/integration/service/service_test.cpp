#include "runtime/protocol/remote_api.hpp"
#include "runtime/protocol/terminal_api.hpp"
#include "runtime/service/service.hpp"
#include "runtime/transport/http_client.hpp"
#include "runtime/transport/websocket.hpp"
#include "tests/support/engine_fixture.hpp"

#include <boost/asio/strand.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <gmock/gmock.h>

#include <csignal>
#include <sys/wait.h>

namespace sandfleet::service {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using protocol::runtime_object;
using testing::HasSubstr;
using transport::http_reply;

constexpr const char* key_of_a = "key-of-team-a-0123";
constexpr const char* key_of_b = "key-of-team-b-0123";

/// A service on a port of its own, over real sandboxes.
class service_test : public testing::Test {
 protected:
  void SetUp() override { begin(); }

  void TearDown() override {
    for (const char* key : {key_of_a, key_of_b}) {
      const auto left = json::parse(call("GET", "/list", {}, key).body);
      for (const auto& one : left.at("runtimes").as_array())
        stop(json::value_to<std::string>(one.at("runtime_id")), key);
    }
    end();
    reap();
  }

  /// Launchers of kept sandboxes are children of this process, which nobody else waits for.
  static void reap() {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }

  void begin() {
    auto settings = tests::test_settings(state_.path());
    settings.at_close = close_action::keep;
    settings.keep_for = std::chrono::milliseconds(0);
    settings.journal = true;
    auto made = engine::create(settings);
    ASSERT_TRUE(made) << made.error().to_string();
    engine_.emplace(std::move(*made));
    std::vector<api_key> keys = {{"a", key_of_a, {}}, {"b", key_of_b, quota_of_b_}};
    service_settings given;
    given.listen = transport::tcp_endpoint{"127.0.0.1", 0};
    given.fleet.base.provider = settings.provider;
    given.fleet.base.image = settings.image;
    service_.emplace(*engine_, api_keys::make(std::move(keys)).value(), std::move(given));
    const auto begun = wait_for(service_->begin());
    ASSERT_TRUE(begun) << begun.error().to_string();
    client_.emplace(engine_->executor(),
                    transport::endpoint(transport::tcp_endpoint{"127.0.0.1", service_->port()}));
  }

  void end() {
    client_.reset();
    service_.reset();
    engine_.reset();
  }

  template <class T>
  T wait_for(asio::awaitable<T> work) {
    return asio::co_spawn(engine_->executor(), std::move(work), asio::use_future).get();
  }

  http_reply call(std::string method, std::string target, std::string body = {},
                  const char* key = key_of_a, transport::header_list more = {}) {
    transport::http_request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers = std::move(more);
    if (key != nullptr)
      request.headers.emplace_back("X-API-Key", key);
    request.timeout = std::chrono::seconds(60);
    auto reply = wait_for(client_->send(std::move(request)));
    EXPECT_TRUE(reply) << reply.error().to_string();
    return reply ? *reply : http_reply{};
  }

  runtime_object runtime_of(const http_reply& reply) {
    auto told = protocol::decode_runtime(reply.body);
    EXPECT_TRUE(told) << reply.status << " " << reply.body;
    return told.value_or(runtime_object{});
  }

  static std::string start_body(const std::string& session) {
    protocol::runtime_start start;
    start.image = "any";
    start.session_id = session;
    start.command = {
        "python",        "-m",        "openhands.runtime.action_execution_server", "60000",
        "--working-dir", "/workspace"};
    start.environment = {{"GREETING", "hello"}};
    return protocol::encode_runtime_start(start);
  }

  /// Started and ready.
  runtime_object ready(const std::string& session, const char* key = key_of_a) {
    auto told = runtime_of(call("POST", "/start", start_body(session), key));
    wait_until_ready(told.runtime_id, key);
    return told;
  }

  void wait_until_ready(const std::string& id, const char* key = key_of_a) {
    // A start is told to nobody but who asks, as its clients do.
    for (;;) {
      const auto now = runtime_of(call("GET", "/runtime/" + id, {}, key));
      if (now.pod_status == "ready" || now.status == "error") {
        EXPECT_EQ(now.pod_status, "ready") << testing::PrintToString(now.restart_reasons);
        return;
      }
      ::usleep(2000);
    }
  }

  http_reply stop(const std::string& id, const char* key = key_of_a) {
    return call("POST", "/stop", protocol::encode_runtime_id(id), key);
  }

  http_reply run(const runtime_object& of, const std::string& command,
                 transport::header_list more = {}) {
    more.emplace_back("X-Session-API-Key", of.session_api_key);
    more.emplace_back("Content-Type", "application/json");
    return call("POST", "/" + of.runtime_id + "/execute_action",
                json::serialize(json::object{
                    {"action", json::object{{"action", "run"},
                                            {"args", json::object{{"command", command}}}}}}),
                nullptr, std::move(more));
  }

  static std::string content_of(const http_reply& reply) {
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.status == 200 ? json::value_to<std::string>(json::parse(reply.body).at("content"))
                               : reply.body;
  }

  key_quota quota_of_b_{.max_sandboxes = 1, .starts_per_minute = 2};
  tests::temporary_directory state_;
  std::optional<engine> engine_;
  std::optional<service> service_;
  std::optional<transport::http_client> client_;
};

TEST_F(service_test, a_sandbox_is_started_used_and_stopped_as_a_v0_client_does) {
  EXPECT_EQ(call("GET", "/sessions/one").status, 404);
  const auto started = call("POST", "/start", start_body("one"));
  EXPECT_EQ(started.status, 200);
  const auto told = runtime_of(started);
  EXPECT_EQ(told.session_id, "one");
  EXPECT_EQ(told.status, "starting");
  EXPECT_EQ(told.url, "http://127.0.0.1/" + told.runtime_id);
  EXPECT_EQ(told.session_api_key.size(), 64U);
  wait_until_ready(told.runtime_id);
  const auto found = runtime_of(call("GET", "/sessions/one"));
  EXPECT_EQ(found.runtime_id, told.runtime_id);
  EXPECT_EQ(found.status, "running");

  EXPECT_EQ(call("GET", "/" + told.runtime_id + "/alive", {}, nullptr).status, 200);
  EXPECT_EQ(content_of(run(told, "echo $GREETING; pwd")), "hello\n/workspace");
  EXPECT_EQ(stop(told.runtime_id).status, 200);
  EXPECT_EQ(runtime_of(call("GET", "/runtime/" + told.runtime_id)).status, "stopped");
  EXPECT_EQ(call("GET", "/" + told.runtime_id + "/alive", {}, nullptr).status, 404);
  EXPECT_EQ(call("GET", "/list").body, R"({"runtimes":[]})");
  const auto counted = call("GET", "/metrics", {}, nullptr).body;
  EXPECT_THAT(counted, HasSubstr("sandfleet_starts_total{outcome=\"ok\"} 1\n"));
  EXPECT_THAT(counted, HasSubstr("sandfleet_requests_total{kind=\"sandbox\",code=\"200\"} 2\n"));
}

TEST_F(service_test, a_start_that_is_repeated_begins_one_sandbox) {
  const auto first = runtime_of(call("POST", "/start", start_body("one")));
  const auto second = runtime_of(call("POST", "/start", start_body("one")));
  EXPECT_EQ(second.runtime_id, first.runtime_id);
  EXPECT_EQ(second.session_api_key, first.session_api_key);
}

TEST_F(service_test, keys_see_their_own_sandboxes_alone) {
  const auto mine = ready("one");
  EXPECT_EQ(call("GET", "/sessions/one", {}, key_of_b).status, 404);
  EXPECT_EQ(call("GET", "/runtime/" + mine.runtime_id, {}, key_of_b).status, 404);
  EXPECT_EQ(stop(mine.runtime_id, key_of_b).status, 404);
  EXPECT_EQ(call("GET", "/list", {}, key_of_b).body, R"({"runtimes":[]})");
  for (const char* key : {static_cast<const char*>(nullptr), "", "wrong-key-0123456789"}) {
    const auto refused = call("GET", "/list", {}, key);
    EXPECT_EQ(refused.status, 401);
    EXPECT_THAT(refused.body, HasSubstr("X-API-Key"));
  }
  // The agent wants the sandbox's own key, whoever asks.
  auto wrong = mine;
  wrong.session_api_key = "wrong";
  EXPECT_EQ(run(wrong, "true").status, 403);
}

TEST_F(service_test, quotas_are_held_and_say_when_to_come_again) {
  const auto first = ready("one", key_of_b);
  const auto refused = call("POST", "/start", start_body("two"), key_of_b);
  EXPECT_EQ(refused.status, 429);
  EXPECT_FALSE(refused.header("retry-after").empty());
  EXPECT_THAT(refused.body, HasSubstr("sandboxes at once"));
  EXPECT_EQ(stop(first.runtime_id, key_of_b).status, 200);
  const auto second = ready("two", key_of_b);
  EXPECT_EQ(stop(second.runtime_id, key_of_b).status, 200);
  EXPECT_THAT(call("POST", "/start", start_body("three"), key_of_b).body,
              HasSubstr("starts a minute"));
}

TEST_F(service_test, a_paused_sandbox_is_resumed_by_a_request) {
  const auto told = ready("one");
  EXPECT_EQ(content_of(run(told, "x=42")), "");
  const auto paused = call("POST", "/pause", protocol::encode_runtime_id(told.runtime_id));
  if (paused.status == 422)
    GTEST_SKIP() << paused.body;
  EXPECT_EQ(runtime_of(paused).status, "paused");
  EXPECT_EQ(content_of(run(told, "echo $x")), "42");
  EXPECT_EQ(call("POST", "/pause", protocol::encode_runtime_id(told.runtime_id)).status, 200);
  EXPECT_EQ(call("POST", "/resume", protocol::encode_runtime_id(told.runtime_id)).status, 200);
  wait_until_ready(told.runtime_id);
  EXPECT_EQ(content_of(run(told, "echo $x")), "42");
}

TEST_F(service_test, sandboxes_outlive_the_service_with_their_keys_and_shells) {
  const auto told = ready("one");
  const auto stopped = ready("two");
  EXPECT_EQ(content_of(run(told, "x=42")), "");
  EXPECT_EQ(stop(stopped.runtime_id).status, 200);
  end();
  begin();
  const auto again = runtime_of(call("GET", "/sessions/one"));
  EXPECT_EQ(again.runtime_id, told.runtime_id);
  EXPECT_EQ(again.session_api_key, told.session_api_key);
  EXPECT_EQ(again.status, "running");
  EXPECT_EQ(content_of(run(told, "echo $x")), "42");
  EXPECT_EQ(call("GET", "/sessions/two").status, 404);
}

TEST_F(service_test, large_bodies_pass_both_ways) {
  const auto told = ready("one");
  const std::string big(std::size_t{8} << 20, 'x');
  transport::header_list key;
  key.emplace_back("X-Session-API-Key", told.session_api_key);
  const auto put =
      call("PUT", "/" + told.runtime_id + "/file?path=/workspace/big", big, nullptr, key);
  EXPECT_LT(put.status, 300) << put.body;
  const auto got =
      call("GET", "/" + told.runtime_id + "/file?path=/workspace/big", {}, nullptr, key);
  EXPECT_EQ(got.status, 200);
  EXPECT_TRUE(got.body == big);
}

TEST_F(service_test, a_terminal_goes_through_as_a_websocket) {
  const auto told = ready("one");
  terminal_request asked;
  asked.argv = {"sh", "-c", "read line; echo got $line; stty size"};
  asked.size = {31, 77};
  transport::websocket_request handshake;
  handshake.target = "/" + told.runtime_id + "/terminal";
  handshake.headers.emplace_back("X-Session-API-Key", told.session_api_key);
  const asio::any_io_executor strand = asio::make_strand(engine_->executor());
  const transport::endpoint where = transport::tcp_endpoint{"127.0.0.1", service_->port()};
  const auto talk = [](asio::any_io_executor on, transport::endpoint to,
                       transport::websocket_request request,
                       std::string order) -> asio::awaitable<result<std::string>> {
    auto opened = co_await transport::websocket::open(on, to, std::move(request));
    if (!opened)
      co_return fail(std::move(opened.error()));
    if (!opened->connection)
      co_return fail(errc::protocol_error, std::to_string(opened->reply.status));
    auto& client = *opened->connection;
    auto sent = co_await client.write_text(order);
    if (sent)
      sent = co_await client.write_bytes("word\n");
    if (!sent)
      co_return fail(std::move(sent.error()));
    std::string seen;
    for (;;) {
      const auto message = co_await client.read();
      if (!message || !*message)
        co_return seen;
      seen += (*message)->payload;
    }
  };
  auto order = protocol::encode_terminal_order(protocol::terminal_order(std::move(asked)));
  const auto seen =
      asio::co_spawn(strand, talk(strand, where, std::move(handshake), std::move(order)),
                     asio::use_future)
          .get();
  ASSERT_TRUE(seen) << seen.error().to_string();
  EXPECT_THAT(*seen, HasSubstr("got word"));
  EXPECT_THAT(*seen, HasSubstr("31 77"));
}

TEST_F(service_test, requests_that_make_no_sense_are_refused_by_name) {
  EXPECT_EQ(call("POST", "/start", "{").status, 422);
  EXPECT_THAT(call("POST", "/start", R"({"image": "x"})").body, HasSubstr("session_id"));
  EXPECT_EQ(call("POST", "/stop", "{}").status, 422);
  EXPECT_EQ(call("POST", "/stop", protocol::encode_runtime_id("sb-0123456789abcdef")).status, 404);
  EXPECT_EQ(call("GET", "/sb-0123456789abcdef/alive", {}, nullptr).status, 404);
  EXPECT_EQ(call("GET", "/nothing").status, 404);
  EXPECT_EQ(call("DELETE", "/list").status, 404);
  EXPECT_EQ(call("GET", "/healthz", {}, nullptr).status, 200);
  EXPECT_EQ(call("GET", "/readyz", {}, nullptr).status, 200);
  EXPECT_EQ(json::parse(call("GET", "/registry_prefix").body).at("registry_prefix"), "sandfleet");
}

} // namespace
} // namespace sandfleet::service
