#include "tests/unit/tls/raw_peer.hpp"
#include "tests/unit/tls/tls_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace sandfleet::tls {
namespace {

using ::testing::HasSubstr;
using tcp = asio::ip::tcp;

class tls_bad_peers : public tls_fixture {
 protected:
  /// What a server says to bytes that come over TCP, until it ends the connection.
  std::string answer_to(const std::string& bytes) {
    return run([](std::uint16_t port, std::string said) -> asio::awaitable<std::string> {
      tcp::socket socket(co_await asio::this_coro::executor);
      const tcp::endpoint where(asio::ip::address_v4::loopback(), port);
      co_await socket.async_connect(where, asio::use_awaitable);
      co_await asio::async_write(socket, asio::buffer(said), asio::use_awaitable);
      std::string answer;
      boost::system::error_code ec;
      co_await asio::async_read(socket, asio::dynamic_buffer(answer),
                                asio::redirect_error(asio::use_awaitable, ec));
      co_return answer;
    }(http_->port(), bytes));
  }
};

TEST_F(tls_bad_peers, a_body_that_the_connection_ends_is_whole_only_with_an_end_in_order) {
  const std::string half = "HTTP/1.1 200 OK\r\n\r\nhalf of a bo";
  {
    const raw_peer peer(replying(good_, half, true));
    auto one = client(trusting(), "127.0.0.1", peer.port());
    const auto reply = post(one);
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->body, "half of a bo");
  }
  const raw_peer peer(replying(good_, half, false));
  const auto why = failure_of(trusting(), "127.0.0.1", peer.port());
  EXPECT_EQ(why.code, errc::connection_failed);
  EXPECT_EQ(kind_of(why), "truncated") << why.to_string();
  EXPECT_TRUE(may_be_retried(why));
  EXPECT_THAT(why.to_string(), HasSubstr("connected=1"));
}

TEST_F(tls_bad_peers, one_that_speaks_no_tls_is_told_as_such) {
  const raw_peer peer([](int connection) {
    const std::string_view answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    (void)!::write(connection, answer.data(), answer.size());
    ::shutdown(connection, SHUT_WR);
    drain(connection);
  });
  const auto why = failure_of(trusting(), "127.0.0.1", peer.port());
  EXPECT_EQ(kind_of(why), "no_tls") << why.to_string();
  EXPECT_FALSE(may_be_retried(why));
}

TEST_F(tls_bad_peers, one_that_hangs_up_in_the_handshake_may_be_tried_again) {
  const raw_peer peer([](int connection) {
    std::array<char, 16> some{};
    (void)!::recv(connection, some.data(), some.size(), 0);
    ::shutdown(connection, SHUT_RDWR);
  });
  const auto why = failure_of(trusting(), "127.0.0.1", peer.port());
  EXPECT_EQ(kind_of(why), "broken") << why.to_string();
  EXPECT_TRUE(may_be_retried(why));
}

TEST_F(tls_bad_peers, one_that_is_silent_costs_a_request_its_time_and_leaves_nothing) {
  const raw_peer peer(&drain);
  const auto before = descriptors();
  {
    auto one = client(trusting(), "127.0.0.1", peer.port());
    const auto reply = post(one, "it", 50ms);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, errc::timed_out);
    EXPECT_THAT(reply.error().message, HasSubstr("no connection in time"));
  }
  wait_for_descriptors(before + 1); // the peer's own
}

TEST_F(tls_bad_peers, a_request_is_cancelled_in_the_handshake) {
  const raw_peer peer(&drain);
  auto one = client(trusting(), "127.0.0.1", peer.port());
  asio::cancellation_signal enough;
  std::optional<result<transport::http_reply>> seen;
  asio::co_spawn(context_, one.send({}),
                 asio::bind_cancellation_slot(
                     enough.slot(), [&](const std::exception_ptr&,
                                        result<transport::http_reply> r) { seen = std::move(r); }));
  asio::steady_timer soon(context_, 20ms);
  soon.async_wait([&](boost::system::error_code) { enough.emit(asio::cancellation_type::all); });
  context_.restart();
  while (!seen)
    context_.run_one();
  ASSERT_FALSE(*seen);
  EXPECT_EQ(seen->error().code, errc::cancelled);
}

TEST_F(tls_bad_peers, a_client_that_speaks_plain_http_is_told_in_its_own_language) {
  serve();
  const auto answer = answer_to("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(answer,
              ::testing::EndsWith("\r\n\r\n{\"detail\":\"This port wants TLS: write https:// "
                                  "in the place of http://.\"}"));
  ASSERT_EQ(failed_.size(), 1U);
  EXPECT_EQ(kind_of(failed_[0]), "plain_http") << failed_[0].to_string();
}

TEST_F(tls_bad_peers, a_client_that_speaks_nonsense_is_dropped) {
  serve();
  answer_to(std::string(100, '\xee'));
  EXPECT_EQ(failed_.size(), 1U);
}

TEST_F(tls_bad_peers, clients_that_are_silent_hold_up_nobody_and_are_dropped) {
  auto options = options_of(good_);
  options.handshake_timeout = 100ms;
  serve(options);
  const auto before = descriptors();
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 50; ++i) {
    silent.emplace_back(context_);
    silent.back().connect({asio::ip::address_v4::loopback(), http_->port()});
  }
  {
    auto one = client(trusting());
    EXPECT_TRUE(post(one));
  }
  wait_for_descriptors(before + silent.size());
  EXPECT_EQ(failed_.size(), silent.size());
  EXPECT_EQ(failed_.at(0).code, errc::timed_out);
}

TEST_F(tls_bad_peers, handshakes_make_room_for_others_at_the_limit_of_connections) {
  auto options = options_of(good_);
  options.handshake_timeout = 1h;
  serve(options, 8);
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 50; ++i) {
    silent.emplace_back(context_);
    silent.back().connect({asio::ip::address_v4::loopback(), http_->port()});
  }
  auto one = client(trusting());
  const auto reply = post(one);
  EXPECT_TRUE(reply) << reply.error().to_string();
}

} // namespace
} // namespace sandfleet::tls
