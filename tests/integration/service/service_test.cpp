#include "runtime/protocol/terminal_api.hpp"
#include "runtime/transport/websocket.hpp"
#include "tests/integration/service/service_fixture.hpp"

#include <boost/asio/strand.hpp>

namespace sandfleet::service {
namespace {

using testing::HasSubstr;
using transport::http_reply;

TEST_F(service_test, a_sandbox_is_started_used_and_stopped_as_a_v0_client_does) {
  EXPECT_EQ(call("GET", "/sessions/one").status, 404);
  const auto started = call("POST", "/start", start_body("one"));
  EXPECT_EQ(started.status, 200);
  const auto told = runtime_of(started);
  EXPECT_EQ(told.session_id, "one");
  EXPECT_EQ(told.status, "starting");
  EXPECT_EQ(told.url,
            "http://127.0.0.1:" + std::to_string(service_->port()) + "/" + told.runtime_id);
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
