#include "runtime/engine/agent_client.hpp"
#include "runtime/engine/gateway_reply.hpp"
#include "runtime/transport/http_server.hpp"
#include "tests/support/one_thread.hpp"

#include <gmock/gmock.h>

namespace sandfleet::engine_detail {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

using fact = std::pair<std::string, evidence_value>;

std::optional<error> refusal(int status, std::string body, transport::header_list headers = {}) {
  transport::http_reply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.headers = std::move(headers);
  return gateway_refusal(reply, "POST /exec");
}

TEST(gateway_refusal, is_told_from_what_the_agent_says) {
  EXPECT_FALSE(refusal(200, "{}"));
  EXPECT_FALSE(refusal(404, R"({"detail":"no such file"})"));
  EXPECT_FALSE(refusal(500, "<html>"));
  EXPECT_TRUE(refusal(404, "404 page not found"));
  EXPECT_TRUE(refusal(404, R"({"detail":"there is no runtime","error":{"code":"not_found"}})"));
  for (const int status : {429, 502, 503, 504})
    EXPECT_TRUE(refusal(status, "")) << status;
}

TEST(gateway_refusal, says_whether_the_agent_can_have_seen_the_request) {
  for (const int status : {404, 429, 503})
    EXPECT_THAT(refusal(status, "")->evidence, Contains(fact("connected", std::int64_t{0})));
  for (const int status : {502, 504})
    EXPECT_THAT(refusal(status, "")->evidence, Contains(fact("connected", std::int64_t{1})));
  const auto told = refusal(
      502, R"({"detail":"x","error":{"class":"infrastructure","evidence":{"connected":0}}})");
  EXPECT_THAT(told->evidence, Contains(fact("connected", std::int64_t{0})));
}

TEST(gateway_refusal, keeps_class_cause_and_evidence_of_who_tells_them) {
  const auto told = refusal(
      502, R"({"detail":"lost: killed","error":{"class":"agent","evidence":{"signal":9}}})");
  EXPECT_EQ(told->code, errc::connection_failed);
  EXPECT_EQ(told->blame, failure_class::agent);
  EXPECT_EQ(told->cause, "lost: killed");
  EXPECT_THAT(told->evidence, Contains(fact("signal", std::int64_t{9})));
  EXPECT_EQ(told_status(*told), 502);
  EXPECT_FALSE(told_wait(*told));
  EXPECT_EQ(told_wait(*refusal(503, "", {{"retry-after", "7"}})), 7s);
  EXPECT_EQ(refusal(504, "<html>")->blame, failure_class::infrastructure);
}

/// A gateway that refuses so many requests before it passes one on.
class busy_gateway : public tests::one_thread {
 protected:
  busy_gateway()
      : server_(context_.get_executor(),
                [this](transport::http_exchange& exchange) { return answer(exchange); }) {
    EXPECT_TRUE(server_.listen(transport::tcp_endpoint{"127.0.0.1", 0}));
  }

  asio::awaitable<void> answer(transport::http_exchange& exchange) {
    paths_.push_back(exchange.path());
    const auto body = co_await exchange.read_body(1024);
    if (!body)
      co_return;
    const int status = refusals_ > 0 ? refusal_ : 200;
    --refusals_;
    transport::header_list headers;
    if (status != 200)
      headers.emplace_back("Retry-After", "0");
    (void)co_await exchange.reply(status, std::move(headers), R"(["/a"])");
  }

  agent_client client() {
    transport::http_base base(transport::tcp_endpoint{"127.0.0.1", server_.port()});
    base.path = "/sb-1";
    base.is_behind_gateway = true;
    return {context_.get_executor(), base, "key"};
  }

  std::vector<std::string> paths_;
  int refusals_ = 0;
  int refusal_ = 429;
  transport::http_server server_;
};

TEST_F(busy_gateway, is_asked_again_after_what_it_asks_to_wait_for) {
  refusals_ = 2;
  const auto found = run(client().kill_processes());
  EXPECT_TRUE(found) << found.error().to_string();
  EXPECT_THAT(paths_,
              ElementsAre("/sb-1/processes/kill", "/sb-1/processes/kill", "/sb-1/processes/kill"));
}

TEST_F(busy_gateway, whose_sandbox_is_away_is_the_callers_business) {
  refusals_ = 1;
  refusal_ = 503;
  const auto failed = run(client().kill_processes());
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, errc::connection_failed);
  EXPECT_EQ(paths_.size(), 1U);
}

TEST_F(busy_gateway, is_probed_until_the_sandbox_is_back_or_the_time_is_over) {
  refusal_ = 503;
  refusals_ = 3;
  EXPECT_TRUE(run(client().alive(10s)));
  refusals_ = 1'000'000;
  const auto failed = run(client().alive(30ms));
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("GET /alive"));
}

} // namespace
} // namespace sandfleet::engine_detail
