#include "runtime/transport/http_server.hpp"
#include "runtime/transport/http_upstream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <unistd.h>

namespace sandfleet::transport {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct answer {
  int status = 0;
  std::string body;
  std::optional<error> failure;
};

/// One thread: an upstream and who answers it.
class http_upstream_test : public testing::Test {
 protected:
  http_upstream_test()
      : path_("/tmp/sandfleet-http-upstream-test-" + std::to_string(::getpid())),
        upstream_(context_.get_executor(), unix_endpoint{path_}) {}
  ~http_upstream_test() override { ::unlink(path_.c_str()); }

  void serve(http_server::handler handle) {
    http_server_options options;
    options.concurrent = false;
    server_.emplace(context_.get_executor(), std::move(handle), options);
    ASSERT_TRUE(server_->listen(unix_endpoint{path_}));
  }

  /// Answers whatever comes with these bytes, and hangs up.
  void say(std::string bytes) {
    asio::co_spawn(
        context_,
        [](std::string path, std::string told) -> asio::awaitable<void> {
          asio::local::stream_protocol::acceptor acceptor(
              co_await asio::this_coro::executor, asio::local::stream_protocol::endpoint(path));
          auto socket = co_await acceptor.async_accept(asio::use_awaitable);
          std::string head;
          co_await asio::async_read_until(socket, asio::dynamic_buffer(head), "\r\n\r\n",
                                          asio::use_awaitable);
          co_await asio::async_write(socket, asio::buffer(told), asio::use_awaitable);
        }(path_, std::move(bytes)),
        [](const std::exception_ptr&) {});
    context_.restart();
    context_.poll();
  }

  answer ask(std::string method, std::vector<std::string> pieces = {},
             std::optional<std::uint64_t> length = 0) {
    answer got;
    bool done = false;
    asio::co_spawn(context_, exchange(std::move(method), std::move(pieces), length, got),
                   [&](const std::exception_ptr& thrown) {
                     EXPECT_FALSE(thrown);
                     done = true;
                   });
    context_.restart();
    while (!done && context_.run_one_for(20s) > 0) {
    }
    EXPECT_TRUE(done);
    return got;
  }

  asio::awaitable<void> exchange(std::string method, std::vector<std::string> pieces,
                                 std::optional<std::uint64_t> length, answer& got) {
    header_list headers;
    headers.emplace_back("Host", "localhost");
    const upstream_request request{method, "/x?y=1", headers, length};
    const auto first = pieces.empty() ? std::string() : pieces.front();
    auto call = co_await upstream_.begin(request, first, 5s);
    if (!call) {
      got.failure = call.error();
      co_return;
    }
    for (std::size_t i = 1; i < pieces.size(); ++i)
      EXPECT_TRUE(co_await (*call)->write(pieces[i]));
    EXPECT_TRUE(co_await (*call)->end_body());
    auto head = co_await (*call)->read_head();
    if (!head) {
      got.failure = head.error();
      co_return;
    }
    got.status = head->status;
    for (;;) {
      const auto piece = co_await (*call)->read_piece();
      if (!piece) {
        got.failure = piece.error();
        co_return;
      }
      if (piece->empty())
        break;
      got.body += *piece;
    }
  }

  asio::io_context context_{1};
  std::string path_;
  std::optional<http_server> server_;
  http_upstream upstream_;
};

constexpr const char* opening = "GET /way HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\n\r\n";

TEST_F(http_upstream_test, bodies_go_both_ways_by_length_and_by_chunks) {
  serve([](http_exchange& exchange) -> asio::awaitable<void> {
    auto body = co_await exchange.read_body(1U << 20);
    std::string echo = std::string(exchange.method()) + " " + std::string(exchange.target()) + " ";
    echo += body.value_or("failed");
    if (exchange.content_length()) {
      header_list none;
      (void)co_await exchange.reply(201, std::move(none), std::move(echo));
      co_return;
    }
    (void)co_await exchange.begin_reply(200, {});
    for (const char c : echo)
      (void)co_await exchange.write(std::string_view(&c, 1));
  });
  const auto by_length = ask("POST", {"abc", "def"}, 6);
  EXPECT_EQ(by_length.status, 201);
  EXPECT_EQ(by_length.body, "POST /x?y=1 abcdef");
  const auto by_chunks = ask("PUT", {"abc", "def"}, std::nullopt);
  EXPECT_EQ(by_chunks.status, 200);
  EXPECT_EQ(by_chunks.body, "PUT /x?y=1 abcdef");
  EXPECT_EQ(ask("GET").body, "GET /x?y=1 ");
}

TEST_F(http_upstream_test, connections_are_kept_and_replies_do_not_run_into_each_other) {
  int count = 0;
  serve([&](http_exchange& exchange) -> asio::awaitable<void> {
    auto body = co_await exchange.read_body(1U << 20);
    header_list none;
    const int status = ++count % 3 == 0 ? 204 : 200;
    std::string told;
    if (status == 200)
      told = std::string(100'000, 'x') + *body;
    (void)co_await exchange.reply(status, std::move(none), std::move(told));
  });
  for (int i = 0; i < 30; ++i) {
    const auto got = ask("POST", {std::to_string(i)}, std::to_string(i).size());
    if (got.status == 200)
      EXPECT_EQ(got.body, std::string(100'000, 'x') + std::to_string(i));
    else
      EXPECT_EQ(got.body, "");
  }
  EXPECT_EQ(count, 30);
}

TEST_F(http_upstream_test, a_reply_to_head_has_no_body) {
  serve([](http_exchange& exchange) -> asio::awaitable<void> {
    header_list none;
    (void)co_await exchange.reply(200, std::move(none), "not sent");
  });
  for (int i = 0; i < 3; ++i) {
    const auto got = ask("HEAD");
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "");
    EXPECT_FALSE(got.failure);
  }
}

TEST_F(http_upstream_test, nobody_there_is_told_as_not_connected) {
  const auto got = ask("GET");
  ASSERT_TRUE(got.failure);
  EXPECT_EQ(got.failure->code, errc::connection_failed);
  EXPECT_EQ(got.failure->evidence.front(),
            (std::pair<std::string, evidence_value>("connected", std::int64_t{0})));
}

TEST_F(http_upstream_test, interim_replies_are_left_out) {
  say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n"
      "Content-Length: 2\r\n\r\nok");
  const auto got = ask("POST", {"x"}, 1);
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "ok");
}

TEST_F(http_upstream_test, a_body_that_ends_with_the_connection_is_whole) {
  say("HTTP/1.1 200 OK\r\n\r\nall of it");
  const auto got = ask("GET");
  EXPECT_FALSE(got.failure);
  EXPECT_EQ(got.body, "all of it");
}

TEST_F(http_upstream_test, a_reply_that_is_cut_short_is_a_failure) {
  for (const char* bytes :
       {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    say(bytes);
    const auto got = ask("GET");
    ASSERT_TRUE(got.failure) << bytes;
    EXPECT_EQ(got.failure->code, errc::connection_failed) << bytes;
    ::unlink(path_.c_str());
  }
}

TEST_F(http_upstream_test, what_is_not_http_is_told_as_such) {
  for (const std::string& bytes :
       {std::string("SSH-2.0-OpenSSH\r\n\r\n"), std::string(200'000, 'x')}) {
    say(bytes);
    const auto got = ask("GET");
    ASSERT_TRUE(got.failure);
    EXPECT_EQ(got.failure->code, errc::protocol_error);
    ::unlink(path_.c_str());
  }
}

TEST_F(http_upstream_test, connections_that_have_to_be_opened_first_are_opened_once) {
  upstream_ = http_upstream(context_.get_executor(), unix_endpoint{path_}, opening);
  int opened = 0;
  serve([&](http_exchange& exchange) -> asio::awaitable<void> {
    EXPECT_EQ(exchange.target(), "/way");
    ++opened;
    auto behind = co_await exchange.upgrade("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    std::string held = behind->received;
    for (int i = 0; i < 2; ++i) {
      const auto end = co_await asio::async_read_until(behind->socket, asio::dynamic_buffer(held),
                                                       "\r\n\r\n", asio::use_awaitable);
      EXPECT_TRUE(held.starts_with("GET /x?y=1 ")) << held;
      held.erase(0, end);
      const std::string told = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nn" + std::to_string(i);
      co_await asio::async_write(behind->socket, asio::buffer(told), asio::use_awaitable);
    }
  });
  EXPECT_EQ(ask("GET").body, "n0");
  EXPECT_EQ(ask("GET").body, "n1");
  EXPECT_EQ(opened, 1);
}

TEST_F(http_upstream_test, a_way_that_is_refused_is_told_with_its_reason) {
  upstream_ = http_upstream(context_.get_executor(), unix_endpoint{path_}, opening);
  serve([](http_exchange& exchange) -> asio::awaitable<void> {
    header_list none;
    (void)co_await exchange.reply(502, std::move(none), "nobody is there");
  });
  const auto got = ask("GET");
  ASSERT_TRUE(got.failure);
  EXPECT_EQ(got.failure->code, errc::connection_failed);
  EXPECT_EQ(got.failure->cause, "nobody is there");
  EXPECT_EQ(got.failure->evidence.at(1).second, evidence_value(std::int64_t{0}));
}

} // namespace
} // namespace sandfleet::transport
