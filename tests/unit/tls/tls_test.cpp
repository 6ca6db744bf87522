#include "runtime/transport/websocket.hpp"
#include "tests/unit/tls/tls_fixture.hpp"

namespace sandfleet::tls {
namespace {

using ::testing::HasSubstr;

class tls : public tls_fixture {};

TEST_F(tls, requests_go_through_and_connections_are_kept) {
  serve();
  auto one = client(trusting());
  for (int i = 0; i < 3; ++i) {
    const auto reply = post(one, std::to_string(i));
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->body, "got " + std::to_string(i));
  }
  EXPECT_EQ(accepted_, 1);
}

TEST_F(tls, long_bodies_arrive_whole_both_ways) {
  serve();
  auto one = client(trusting());
  std::string body(20U << 20, '\0');
  for (std::size_t i = 0; i < body.size(); ++i)
    body[i] = static_cast<char>(i * 31 + (i >> 13));
  const auto reply = post(one, body);
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_TRUE(reply->body == "got " + body);
}

TEST_F(tls, a_name_is_as_good_as_an_address_when_the_certificate_has_it) {
  serve();
  auto one = client(trusting(), "localhost");
  EXPECT_TRUE(post(one));
}

TEST_F(tls, another_name_or_address_is_refused) {
  serve(options_of(authority_.sign("elsewhere", {.names = "DNS:elsewhere.test,IP:10.0.0.1"})));
  for (const auto* host : {"127.0.0.1", "localhost"}) {
    const auto why = failure_of(trusting(), host);
    EXPECT_EQ(kind_of(why), "wrong_name") << why.to_string();
    EXPECT_FALSE(may_be_retried(why));
    EXPECT_THAT(why.to_string(), HasSubstr("alternative names"));
  }
  auto options = trusting();
  options.server_name = "elsewhere.test";
  auto told = client(options);
  EXPECT_TRUE(post(told));
}

TEST_F(tls, a_common_name_alone_is_no_name) {
  serve(options_of(authority_.sign("localhost", {.names = ""})));
  EXPECT_EQ(kind_of(failure_of(trusting(), "localhost")), "wrong_name");
}

TEST_F(tls, an_authority_that_is_not_known_is_refused_unless_nothing_is_verified) {
  serve();
  const tests::authority other(files_.path(), "other");
  client_options options;
  options.ca_file = other.certificate();
  const auto why = failure_of(options);
  EXPECT_EQ(kind_of(why), "unknown_authority") << why.to_string();
  EXPECT_EQ(why.code, errc::connection_failed);
  EXPECT_EQ(kind_of(failure_of({})), "unknown_authority") << "the system's";
  options.verify = false;
  auto careless = client(options);
  EXPECT_TRUE(post(careless));
}

TEST_F(tls, certificates_have_their_time) {
  serve(options_of(authority_.sign("old", {.begins = -48h, .ends = -1h})));
  EXPECT_EQ(kind_of(failure_of(trusting())), "expired");
  serve(options_of(authority_.sign("early", {.begins = 24h, .ends = 48h})));
  EXPECT_EQ(kind_of(failure_of(trusting())), "not_yet_valid");
}

TEST_F(tls, a_server_that_wants_a_certificate_takes_those_of_its_authority_alone) {
  auto options = options_of(good_);
  options.client_ca_file = authority_.certificate();
  serve(options);
  auto why = failure_of(trusting());
  EXPECT_EQ(kind_of(why), "certificate_refused") << why.to_string();
  EXPECT_THAT(why.cause, HasSubstr("none was shown"));

  const tests::authority other(files_.path(), "other");
  const auto stranger = other.sign("stranger");
  auto shown = trusting();
  shown.certificate_file = stranger.certificate;
  shown.key_file = stranger.key;
  why = failure_of(shown);
  EXPECT_EQ(kind_of(why), "certificate_refused") << why.to_string();

  const auto ours = authority_.sign("ours");
  shown.certificate_file = ours.certificate;
  shown.key_file = ours.key;
  auto friendly = client(shown);
  const auto reply = post(friendly);
  EXPECT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(failed_.size(), 2U);
}

TEST_F(tls, an_endpoint_where_nobody_listens_is_told_as_without_tls) {
  const auto why = failure_of(trusting(), "127.0.0.1", 1);
  EXPECT_EQ(why.code, errc::connection_failed);
  EXPECT_TRUE(may_be_retried(why));
  EXPECT_THAT(why.to_string(), HasSubstr("errno=111"));
  EXPECT_THAT(why.to_string(), HasSubstr("connected=0"));
}

TEST_F(tls, reloaded_certificates_are_for_connections_from_then_on) {
  serve();
  auto before = client(trusting());
  ASSERT_TRUE(post(before));
  authority_.sign("good", {.names = "DNS:renewed.test"}); // in the same files
  auto unaware = client(trusting());
  EXPECT_TRUE(post(unaware));
  ASSERT_TRUE(secure_->reload());
  EXPECT_TRUE(post(before)) << "its connection goes on";
  EXPECT_EQ(kind_of(failure_of(trusting())), "wrong_name");
  auto options = trusting();
  options.server_name = "renewed.test";
  auto renewed = client(options);
  EXPECT_TRUE(post(renewed));

  std::filesystem::remove(good_.key);
  const auto refused = secure_->reload();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().to_string(), HasSubstr(good_.key));
  auto after = client(options);
  EXPECT_TRUE(post(after)) << "all is as it was";
}

TEST_F(tls, nothing_is_left_of_connections_that_are_closed) {
  serve();
  const auto before = descriptors();
  {
    auto one = client(trusting());
    auto two = client(trusting());
    ASSERT_TRUE(post(one));
    ASSERT_TRUE(post(two));
    EXPECT_EQ(descriptors(), before + 2 * 2 * 3);
  }
  wait_for_descriptors(before);
}

TEST_F(tls, websockets_go_through_and_close_in_order) {
  secure_.emplace(server::make(options_of(good_)).value());
  transport::http_server_options http;
  http.concurrent = false;
  http.carry = *secure_;
  http_ = std::make_unique<transport::http_server>(
      context_.get_executor(),
      [](transport::http_exchange& exchange) -> asio::awaitable<void> {
        auto opened = co_await exchange.accept_websocket(1U << 20);
        if (!opened)
          co_return;
        for (;;) {
          const auto heard = co_await opened->read();
          if (!heard || !*heard)
            co_return;
          (void)co_await opened->write_text((*heard)->payload);
        }
      },
      http);
  ASSERT_TRUE(http_->listen(transport::tcp_endpoint{"127.0.0.1", 0}));
  const transport::endpoint where = transport::tcp_endpoint{"127.0.0.1", http_->port()};
  auto outcome = run(transport::websocket::open(context_.get_executor(), where, {},
                                                make_connector(trusting()).value()));
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  ASSERT_TRUE(outcome->connection);
  auto& opened = *outcome->connection;
  for (const auto& text : {std::string("one"), std::string(300'000, 'x')}) {
    ASSERT_TRUE(run(opened.write_text(text)));
    const auto heard = run(opened.read());
    ASSERT_TRUE(heard && *heard);
    EXPECT_TRUE((*heard)->payload == text);
  }
  context_.restart();
  wait_for(
      asio::co_spawn(context_, opened.close(transport::close_code::normal, ""), asio::use_future));

  const auto refused = run(
      transport::websocket::open(context_.get_executor(), where, {}, make_connector({}).value()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(kind_of(refused.error()), "unknown_authority");
}

} // namespace
} // namespace sandfleet::tls
