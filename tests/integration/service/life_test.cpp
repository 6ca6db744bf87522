#include "runtime/transport/http_upstream.hpp"
#include "tests/integration/service/service_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>

namespace sandfleet::service {
namespace {

using testing::HasSubstr;
using transport::http_reply;

/// Whether this machine can pause a local sandbox.
#define NEEDS_PAUSE(told)                                                                          \
  do {                                                                                             \
    const auto tried = call("POST", "/pause", protocol::encode_runtime_id((told).runtime_id));     \
    if (tried.status == 422)                                                                       \
      GTEST_SKIP() << tried.body;                                                                  \
  } while (false)

class service_policy : public service_test {
 protected:
  void SetUp() override {}

  /// Of `/alive` there.
  int status_at(std::string host) {
    const auto ask = [this](std::string named) -> asio::awaitable<int> {
      transport::http_upstream to(engine_->executor(), client_->where());
      transport::header_list headers;
      headers.emplace_back("Host", std::move(named));
      const transport::upstream_request request{"GET", "/alive", headers, 0};
      auto asked = co_await to.begin(request, {}, std::chrono::seconds(10));
      if (!asked)
        co_return 0;
      auto head = co_await (*asked)->read_head();
      co_return head ? head->status : 0;
    };
    return wait_for(ask(std::move(host)));
  }
};

TEST_F(service_policy, an_idle_sandbox_is_paused_and_a_request_resumes_it) {
  policy_of_a_.idle_pause = std::chrono::seconds(1);
  begin();
  const auto told = ready("one");
  NEEDS_PAUSE(told);
  EXPECT_EQ(content_of(run(told, "x=42")), "");
  await_state(told.runtime_id, sandbox_state::paused);
  EXPECT_EQ(runtime_of(call("GET", "/sessions/one")).status, "paused");
  EXPECT_EQ(content_of(run(told, "echo $x")), "42");
  await_state(told.runtime_id, sandbox_state::paused);
  end();
  begin();
  EXPECT_EQ(runtime_of(call("GET", "/sessions/one")).status, "paused");
  EXPECT_EQ(content_of(run(told, "echo $x")), "42");
}

TEST_F(service_policy, a_sandbox_in_use_is_not_idle) {
  policy_of_a_.idle_pause = std::chrono::seconds(1);
  begin();
  const auto told = ready("one");
  EXPECT_EQ(content_of(run(told, "sleep 2.5; echo done")), "done");
  EXPECT_EQ(runtime_of(call("GET", "/sessions/one")).status, "running");
}

TEST_F(service_policy, a_time_to_live_ends_a_sandbox_and_says_so) {
  policy_of_a_.time_to_live = std::chrono::seconds(2);
  begin();
  const auto told = ready("one");
  await_state(told.runtime_id, sandbox_state::stopped);
  protocol::runtime_object now;
  do // the state comes a moment before it is told
    now = runtime_of(call("GET", "/runtime/" + told.runtime_id));
  while (now.status != "stopped");
  ASSERT_EQ(now.restart_reasons.size(), 1U);
  EXPECT_THAT(now.restart_reasons[0], HasSubstr("time to live"));
  const auto gone = call("GET", "/" + told.runtime_id + "/alive", {}, nullptr);
  EXPECT_EQ(gone.status, 404);
  EXPECT_THAT(gone.body, HasSubstr("time to live"));
}

TEST_F(service_policy, a_key_may_leave_resuming_to_its_owner) {
  policy_of_a_.auto_resume = false;
  begin();
  const auto told = ready("one");
  EXPECT_EQ(content_of(run(told, "x=42")), "");
  NEEDS_PAUSE(told);
  const auto refused = run(told, "echo $x");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("retry-after"), "1");
  EXPECT_THAT(refused.body, HasSubstr("\"code\":\"sandbox_paused\""));
  EXPECT_EQ(call("POST", "/resume", protocol::encode_runtime_id(told.runtime_id)).status, 200);
  wait_until_ready(told.runtime_id);
  EXPECT_EQ(content_of(run(told, "echo $x")), "42");
}

TEST_F(service_policy, every_sandbox_may_have_a_host_of_its_own) {
  public_url_ = "http://{runtime_id}.sandboxes.example";
  begin();
  const auto told = ready("one");
  EXPECT_EQ(told.url, "http://" + told.runtime_id + ".sandboxes.example");
  ASSERT_EQ(told.work_hosts.size(), 2U);
  EXPECT_EQ(told.work_hosts.begin()->first,
            "http://work-1-" + told.runtime_id + ".sandboxes.example");
  EXPECT_EQ(status_at("127.0.0.1"), 401); // the service's own, which wants a key
  EXPECT_EQ(status_at(told.runtime_id + ".sandboxes.example:8080"), 200);
  EXPECT_EQ(status_at("work-1-" + told.runtime_id + ".sandboxes.example"), 503);
  EXPECT_EQ(status_at("sb-0123456789abcdef.sandboxes.example"), 404);
}

TEST_F(service_test, applications_in_a_sandbox_are_reached_by_their_ports) {
  if (tests::tests_docker())
    GTEST_SKIP() << "the image of the tests has no Python";
  const auto told = ready("one");
  ASSERT_EQ(told.work_hosts.size(), 2U);
  const auto port = std::to_string(told.work_hosts.begin()->second);
  const auto below = "/" + told.runtime_id + "/work-1";
  const auto nobody = call("GET", below + "/", {}, nullptr);
  EXPECT_EQ(nobody.status, 503);
  EXPECT_THAT(nobody.body, HasSubstr("nothing answers on port " + port));
  EXPECT_THAT(nobody.body, HasSubstr("\"class\":\"agent\""));
  (void)run(told, "echo hello > page; python3 -m http.server " + port +
                      " --bind 127.0.0.1 >log 2>&1 & disown");
  http_reply page;
  do
    page = call("GET", below + "/page", {}, nullptr);
  while (page.status == 503);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "hello\n");
  EXPECT_EQ(call("GET", below + "/none", {}, nullptr).status, 404);
}

class service_feed : public service_test {
 protected:
  /// What comes until the text is in it.
  std::string listen_until(const std::string& target, const std::string& wanted,
                           std::function<void()> meanwhile = {}) {
    std::promise<void> begun;
    std::promise<void> seen;
    std::string all;
    bool told = false;
    transport::http_request request;
    request.target = target;
    request.headers.emplace_back("X-API-Key", key_of_a);
    request.timeout = std::chrono::seconds(60);
    request.on_body = [&](int, std::string_view piece) {
      if (all.empty() && !piece.empty())
        begun.set_value();
      all += piece;
      if (!told && all.find(wanted) != std::string::npos) {
        told = true;
        seen.set_value();
      }
    };
    asio::cancellation_signal cancel;
    auto done =
        asio::co_spawn(asio::make_strand(engine_->executor()), client_->send(std::move(request)),
                       asio::bind_cancellation_slot(cancel.slot(), asio::use_future));
    begun.get_future().wait();
    if (meanwhile)
      meanwhile();
    EXPECT_EQ(seen.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready)
        << all;
    asio::post(engine_->executor(), [&] { cancel.emit(asio::cancellation_type::terminal); });
    (void)done.get();
    return all;
  }
};

TEST_F(service_feed, tells_each_change_of_state_as_it_comes_and_again_from_any_point) {
  std::string id;
  const auto live = listen_until("/events", "STATUS$STOPPED", [&] {
    id = ready("one").runtime_id;
    EXPECT_EQ(stop(id).status, 200);
  });
  EXPECT_THAT(live, HasSubstr("\"runtime_id\":\"" + id + "\",\"session_id\":\"one\""));
  EXPECT_THAT(live, HasSubstr("STATUS$READY"));
  EXPECT_THAT(live, HasSubstr("event: status\n"));
  const auto again = listen_until("/events?after=0&runtime_id=" + id, "STATUS$STOPPED");
  EXPECT_EQ(again, live);
  EXPECT_EQ(call("GET", "/events?after=x").status, 422);
}

TEST_F(service_feed, a_verdict_comes_with_the_end) {
  const auto live = listen_until("/events", "STATUS$STOPPED", [&] {
    protocol::runtime_start start;
    start.image = image_;
    start.session_id = "one";
    start.command = {"sh", "-c", "exit 7"};
    (void)call("POST", "/start", protocol::encode_runtime_start(start));
  });
  EXPECT_THAT(live, HasSubstr("\"to\":\"STATUS$ERROR\""));
  EXPECT_THAT(live, HasSubstr("\"cause\":\"exit code 7\""));
}

TEST_F(service_test, the_api_is_described) {
  const auto described = call("GET", "/openapi.json");
  ASSERT_EQ(described.status, 200);
  const auto document = json::parse(described.body);
  const auto& paths = document.at("paths").as_object();
  for (const char* path : {"/start", "/stop", "/list", "/events", "/runtime/{runtime_id}"})
    EXPECT_TRUE(paths.contains(path)) << path;
}

} // namespace
} // namespace sandfleet::service
