#pragma once

#include "runtime/docker/api.hpp"
#include "runtime/docker/host.hpp"
#include "runtime/protocol/remote_api.hpp"
#include "runtime/service/service.hpp"
#include "runtime/transport/http_client.hpp"
#include "tests/support/engine_fixture.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <gmock/gmock.h>

#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <sys/wait.h>

namespace sandfleet::service {

namespace asio = boost::asio;
namespace json = boost::json;

inline constexpr const char* key_of_a = "key-of-team-a-0123";
inline constexpr const char* key_of_b = "key-of-team-b-0123";

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
    std::vector<api_key> keys = {{"a", key_of_a, {}, policy_of_a_},
                                 {"b", key_of_b, quota_of_b_, {}}};
    service_settings given;
    given.listen = transport::tcp_endpoint{"127.0.0.1", 0};
    given.fleet.base.provider = settings.provider;
    given.fleet.base.image = settings.image;
    image_ = settings.image;
    if (tests::tests_docker())
      given.images = local_engine();
    given.public_url = public_url_;
    given.fleet.warm = warm_;
    given.fleet.command_restarts.base = std::chrono::milliseconds(1);
    service_.emplace(*engine_, api_keys::make(std::move(keys)).value(), std::move(given));
    const auto begun = wait_for(service_->begin());
    ASSERT_TRUE(begun) << begun.error().to_string();
    client_.emplace(engine_->executor(),
                    transport::endpoint(transport::tcp_endpoint{"127.0.0.1", service_->port()}));
  }

  docker::api local_engine() {
    auto host = docker::find_engine_host(docker::current_surroundings()).value();
    return docker::api(docker::client::open(engine_->executor(), std::move(host)).value());
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

  transport::http_reply call(std::string method, std::string target, std::string body = {},
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
    return reply ? *reply : transport::http_reply{};
  }

  protocol::runtime_object runtime_of(const transport::http_reply& reply) {
    auto told = protocol::decode_runtime(reply.body);
    EXPECT_TRUE(told) << reply.status << " " << reply.body;
    return told.value_or(protocol::runtime_object{});
  }

  std::string start_body(const std::string& session) {
    protocol::runtime_start start;
    start.image = image_;
    start.session_id = session;
    start.command = {
        "python",        "-m",        "openhands.runtime.action_execution_server", "60000",
        "--working-dir", "/workspace"};
    start.environment = {{"GREETING", "hello"}};
    return protocol::encode_runtime_start(start);
  }

  /// Started and ready.
  protocol::runtime_object ready(const std::string& session, const char* key = key_of_a) {
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

  transport::http_reply stop(const std::string& id, const char* key = key_of_a) {
    return call("POST", "/stop", protocol::encode_runtime_id(id), key);
  }

  transport::http_reply run(const protocol::runtime_object& of, const std::string& command,
                            transport::header_list more = {}) {
    more.emplace_back("X-Session-API-Key", of.session_api_key);
    more.emplace_back("Content-Type", "application/json");
    return call("POST", "/" + of.runtime_id + "/execute_action",
                json::serialize(json::object{
                    {"action", json::object{{"action", "run"},
                                            {"args", json::object{{"command", command}}}}}}),
                nullptr, std::move(more));
  }

  static std::string content_of(const transport::http_reply& reply) {
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.status == 200 ? json::value_to<std::string>(json::parse(reply.body).at("content"))
                               : reply.body;
  }

  /// Completes when the sandbox has come to a state, or had already.
  void await_state(const std::string& id, sandbox_state state) {
    std::promise<void> come;
    std::once_flag once;
    const auto listening = engine_->on_status([&](const status_event& event) {
      if (event.id.str() == id && event.to == state)
        std::call_once(once, [&] { come.set_value(); });
    });
    EXPECT_EQ(come.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready)
        << to_string(state);
  }

  key_policy policy_of_a_;
  key_quota quota_of_b_{.max_sandboxes = 1, .starts_per_minute = 2};
  std::string image_; ///< of which sandboxes are made
  std::string public_url_;
  std::map<std::string, std::size_t> warm_;
  tests::temporary_directory state_;
  std::optional<engine> engine_;
  std::optional<service> service_;
  std::optional<transport::http_client> client_;
};

} // namespace sandfleet::service
