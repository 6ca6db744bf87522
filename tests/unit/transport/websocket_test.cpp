#include "runtime/transport/http_client.hpp"
#include "runtime/transport/http_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <unistd.h>

namespace sandfleet::transport {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// The project's client and server on one thread.
class websocket_ends : public ::testing::Test {
 protected:
  websocket_ends() : path_("/tmp/sandfleet-websocket-test-" + std::to_string(::getpid())) {}

  void serve(http_server::handler handle) {
    http_server_options options;
    options.concurrent = false;
    server_.emplace(context_.get_executor(), std::move(handle), options);
    ASSERT_TRUE(server_->listen(unix_endpoint{path_}));
  }

  template <class T>
  result<T> run(asio::awaitable<result<T>> work) {
    std::optional<result<T>> got;
    asio::co_spawn(
        context_,
        [](asio::awaitable<result<T>> w, std::optional<result<T>>& to) -> asio::awaitable<void> {
          to.emplace(co_await std::move(w));
        }(std::move(work), got),
        [](const std::exception_ptr& thrown) {
          if (thrown)
            std::rethrow_exception(thrown);
        });
    context_.restart();
    while (!got && context_.run_one() > 0) {
    }
    return std::move(*got);
  }

  result<websocket_outcome> ask(std::chrono::milliseconds timeout = 10s,
                                std::size_t longest = 1U << 20) {
    websocket_request request;
    request.target = "/x";
    request.headers.emplace_back("X-Key", "key");
    request.timeout = timeout;
    request.max_message_bytes = longest;
    return run(websocket::open(context_.get_executor(), unix_endpoint{path_}, std::move(request)));
  }

  websocket connected() { return std::move(*ask().value().connection); }

  /// The next message: its payload, "closed", or the code of the failure.
  std::string next(websocket& from) {
    const auto work = [](websocket& one) -> asio::awaitable<result<std::string>> {
      const auto message = co_await one.read();
      if (!message)
        co_return fail(message.error());
      co_return *message
          ? std::string((*message)->is_text ? "text " : "bytes ") + std::string((*message)->payload)
          : "closed";
    };
    const auto got = run(work(from));
    return got ? *got : std::string(to_string(got.error().code));
  }

  std::string path_;
  asio::io_context context_;
  std::optional<http_server> server_;
};

constexpr std::size_t longest_message = 100;

asio::awaitable<void> echo(http_exchange& exchange) {
  auto socket = co_await exchange.accept_websocket(longest_message);
  for (;;) {
    const auto message = co_await socket->read();
    if (!message || !*message)
      co_return;
    const auto [is_text, payload] = **message;
    if (payload == "close") {
      co_await socket->close(close_code::policy, "asked");
      co_return;
    }
    if (is_text)
      (void)co_await socket->write_text(payload);
    else
      (void)co_await socket->write_bytes(payload);
  }
}

asio::awaitable<void> never(http_exchange&) {
  asio::steady_timer end(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await end.async_wait(asio::use_awaitable);
}

TEST_F(websocket_ends, messages_travel_both_ways) {
  serve(echo);
  auto socket = connected();
  for (const std::string text : {"one", "", "\0two\r\n\r\n"}) {
    ASSERT_TRUE(run(socket.write_text(text)));
    EXPECT_EQ(next(socket), "text " + text);
    ASSERT_TRUE(run(socket.write_bytes(text)));
    EXPECT_EQ(next(socket), "bytes " + text);
  }
}

TEST_F(websocket_ends, a_server_that_declines_is_a_reply) {
  serve([](http_exchange& exchange) -> asio::awaitable<void> {
    EXPECT_TRUE(exchange.asks_for_websocket());
    EXPECT_EQ(exchange.header("x-key"), "key");
    header_list headers;
    headers.emplace_back("X-Why", "so");
    (void)co_await exchange.reply(403, std::move(headers), "no");
  });
  const auto outcome = ask();
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  EXPECT_FALSE(outcome->connection);
  EXPECT_EQ(outcome->reply.status, 403);
  EXPECT_EQ(outcome->reply.header("x-why"), "so");
  EXPECT_EQ(outcome->reply.body, "no");
}

TEST_F(websocket_ends, a_server_that_does_not_answer_is_not_waited_for_for_ever) {
  serve(never);
  EXPECT_EQ(ask(20ms).error().code, errc::timed_out);
}

TEST_F(websocket_ends, nobody_there_is_no_connection) {
  EXPECT_EQ(ask().error().code, errc::connection_failed);
}

TEST_F(websocket_ends, a_plain_request_is_told_from_a_handshake) {
  serve([](http_exchange& exchange) -> asio::awaitable<void> {
    EXPECT_FALSE(exchange.asks_for_websocket());
    (void)co_await exchange.reply(426, {}, "");
  });
  http_client client(context_.get_executor(), unix_endpoint{path_});
  EXPECT_EQ(run(client.send({}))->status, 426);
}

TEST_F(websocket_ends, a_close_in_order_ends_the_messages) {
  serve(echo);
  auto socket = connected();
  ASSERT_TRUE(run(socket.write_text("close")));
  EXPECT_EQ(next(socket), "closed");
}

TEST_F(websocket_ends, a_message_beyond_the_limit_breaks_the_connection) {
  serve(echo);
  auto to_server = connected();
  ASSERT_TRUE(run(to_server.write_bytes(std::string(longest_message + 1, 'x'))));
  EXPECT_EQ(next(to_server), "closed");

  auto to_us = std::move(*ask(10s, 10)->connection);
  ASSERT_TRUE(run(to_us.write_bytes(std::string(11, 'x'))));
  EXPECT_EQ(next(to_us), "limit_exceeded");
}

TEST_F(websocket_ends, the_end_of_the_client_is_seen_behind_unread_messages) {
  bool gone = false;
  serve([&](http_exchange& exchange) -> asio::awaitable<void> {
    auto socket = co_await exchange.accept_websocket(longest_message);
    co_await socket->gone();
    gone = true;
  });
  {
    auto socket = connected();
    ASSERT_TRUE(run(socket.write_bytes("unread")));
  }
  context_.restart();
  while (!gone && context_.run_one() > 0) {
  }
  EXPECT_TRUE(gone);
}

TEST_F(websocket_ends, what_is_awaited_ends_when_the_connection_is_dropped_here) {
  serve(echo);
  auto socket = connected();
  asio::post(context_, [&] { socket.drop(); });
  EXPECT_EQ(next(socket), "cancelled");
}

TEST_F(websocket_ends, a_server_that_stops_does_not_wait_for_them) {
  bool ended = false;
  serve([&](http_exchange& exchange) -> asio::awaitable<void> {
    struct at_end {
      bool& flag;
      ~at_end() { flag = true; }
    } const told{ended};
    const auto socket = co_await exchange.accept_websocket(longest_message);
    co_await never(exchange);
  });
  auto socket = connected();
  const auto stopping = [](http_server& server) -> asio::awaitable<result<void>> {
    co_await server.stop(std::chrono::hours(1));
    co_return result<void>();
  };
  EXPECT_TRUE(run(stopping(*server_)));
  EXPECT_TRUE(ended);
}

} // namespace
} // namespace sandfleet::transport
