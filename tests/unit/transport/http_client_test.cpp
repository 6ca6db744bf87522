#include "runtime/transport/http_client.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

namespace sandfleet::transport {
namespace {

namespace asio = boost::asio;
using local = asio::local::stream_protocol;

/// What a scripted server does on one connection, request by request.
struct reply_script {
  std::string bytes;   ///< sent as they are after a request's header has arrived
  bool close = false;  ///< end the connection after that
  bool silent = false; ///< never answer
};

/// A server that plays one script a connection, in order, on a unix socket of its own.
class scripted_server {
 public:
  explicit scripted_server(asio::io_context& context)
      : path_("/tmp/sandfleet-http-client-test-" + std::to_string(::getpid()) + "-" +
              std::to_string(next_number())),
        acceptor_(context, local::endpoint(path_)) {
    asio::co_spawn(context, serve(), [](std::exception_ptr) {});
  }
  ~scripted_server() { ::unlink(path_.c_str()); }
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  void on_next_connection(std::vector<reply_script> replies) {
    plays_.push_back(std::move(replies));
  }
  [[nodiscard]] endpoint where() const { return unix_endpoint{path_}; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] const std::vector<std::string>& heads() const { return heads_; }
  void stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    open_.clear();
  }

 private:
  static int next_number() {
    static int number = 0;
    return ++number;
  }

  asio::awaitable<void> serve() {
    for (;;) {
      boost::system::error_code ec;
      local::socket peer(acceptor_.get_executor());
      co_await acceptor_.async_accept(peer, asio::redirect_error(asio::use_awaitable, ec));
      if (ec)
        co_return;
      ++connections_;
      auto play = plays_.empty() ? std::vector<reply_script>{} : std::move(plays_.front());
      if (!plays_.empty())
        plays_.pop_front();
      asio::co_spawn(acceptor_.get_executor(), converse(std::move(peer), std::move(play)),
                     [](std::exception_ptr) {});
    }
  }

  asio::awaitable<void> converse(local::socket peer, std::vector<reply_script> play) {
    std::string received;
    for (const auto& step : play) {
      boost::system::error_code ec;
      const auto size =
          co_await asio::async_read_until(peer, asio::dynamic_buffer(received), "\r\n\r\n",
                                          asio::redirect_error(asio::use_awaitable, ec));
      if (ec)
        co_return;
      heads_.push_back(received.substr(0, size));
      received.erase(0, size);
      if (step.silent)
        break;
      co_await asio::async_write(peer, asio::buffer(step.bytes),
                                 asio::redirect_error(asio::use_awaitable, ec));
      if (step.close)
        co_return;
    }
    open_.push_back(std::move(peer));
  }

  std::string path_;
  local::acceptor acceptor_;
  std::deque<std::vector<reply_script>> plays_;
  std::vector<local::socket> open_;
  std::vector<std::string> heads_;
  int connections_ = 0;
};

const std::string ok_reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Mark: Yes\r\n\r\nok";

class http_client_test : public ::testing::Test {
 protected:
  result<http_reply> send(http_client& client, http_request request) {
    std::optional<result<http_reply>> answer;
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> { answer = co_await client.send(std::move(request)); },
        [&](std::exception_ptr thrown) {
          if (thrown)
            std::rethrow_exception(thrown);
        });
    while (!answer && context.run_one() != 0) {
    }
    return answer.value();
  }

  /// Goes away in the middle of a reply, when `enough` of it has come.
  void listen_until(const std::function<bool()>& enough,
                    std::function<void(int, std::string_view)> on_body) {
    http_client client(context.get_executor(), server.where());
    http_request request;
    request.on_body = std::move(on_body);
    bool ended = false;
    asio::cancellation_signal cancel;
    asio::co_spawn(
        context, [&]() -> asio::awaitable<void> { co_await client.send(std::move(request)); },
        asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { ended = true; }));
    while (!enough())
      context.run_one();
    cancel.emit(asio::cancellation_type::terminal);
    while (!ended)
      context.run_one();
  }

  void TearDown() override {
    server.stop();
    context.restart();
    context.poll();
  }

  asio::io_context context;
  scripted_server server{context};
};

TEST_F(http_client_test, reuses_a_connection) {
  server.on_next_connection({{ok_reply}, {ok_reply}});
  http_client client(context.get_executor(), server.where());
  for (int i = 0; i < 2; ++i) {
    auto reply = send(client, {});
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, "ok");
    EXPECT_EQ(reply->header("x-mark"), "Yes");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(http_client_test, writes_method_target_headers_and_length) {
  server.on_next_connection({{ok_reply}});
  http_client client(context.get_executor(), server.where());
  ASSERT_TRUE(
      send(client,
           {.method = "POST", .target = "/a?b=c", .headers = {{"X-Key", "v"}}, .body = "12345"}));
  ASSERT_EQ(server.heads().size(), 1U);
  const auto& head = server.heads().front();
  EXPECT_TRUE(head.starts_with("POST /a?b=c HTTP/1.1\r\n")) << head;
  EXPECT_NE(head.find("X-Key: v\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("Content-Length: 5\r\n"), std::string::npos) << head;
}

TEST_F(http_client_test, sends_a_body_that_comes_in_pieces) {
  server.on_next_connection({{""}, {ok_reply}});
  http_client client(context.get_executor(), server.where());
  std::vector<std::string> pieces{"", "de", "abc"};
  http_request request;
  request.method = "POST";
  request.next_piece = [&]() -> asio::awaitable<result<std::string>> {
    auto piece = std::move(pieces.back());
    pieces.pop_back();
    co_return piece;
  };
  ASSERT_TRUE(send(client, std::move(request)));
  ASSERT_EQ(server.heads().size(), 2U);
  EXPECT_NE(server.heads()[0].find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(server.heads()[0].find("Content-Length"), std::string::npos);
  EXPECT_EQ(server.heads()[1], "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
}

TEST_F(http_client_test, a_body_that_breaks_off_is_not_whole_for_the_server_either) {
  server.on_next_connection({{""}, {ok_reply}});
  http_client client(context.get_executor(), server.where());
  http_request request;
  request.method = "POST";
  request.next_piece = []() -> asio::awaitable<result<std::string>> {
    co_return fail(errc::io_error, "no more");
  };
  const auto reply = send(client, std::move(request));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::io_error);
}

TEST_F(http_client_test, a_headers_value_cannot_end_its_line) {
  server.on_next_connection({{ok_reply}});
  http_client client(context.get_executor(), server.where());
  ASSERT_TRUE(send(client, {.headers = {{"X-Key", "v\r\nX-Forged: yes"}}}));
  EXPECT_EQ(server.heads().front().find("\nX-Forged"), std::string::npos);
}

TEST_F(http_client_test, a_reply_without_a_length_ends_with_its_connection) {
  server.on_next_connection({{"HTTP/1.1 200 OK\r\n\r\nto the end", true}});
  server.on_next_connection({{"HTTP/1.1 200 OK\r\n", true}});
  http_client client(context.get_executor(), server.where());
  const auto whole = send(client, {});
  ASSERT_TRUE(whole) << whole.error().to_string();
  EXPECT_EQ(whole->body, "to the end");
  const auto cut = send(client, {});
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, errc::connection_failed);
}

TEST_F(http_client_test, replies_to_head_and_204_have_no_body) {
  server.on_next_connection({{"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"},
                             {"HTTP/1.1 204 No Content\r\n\r\n"},
                             {ok_reply}});
  http_client client(context.get_executor(), server.where());
  EXPECT_EQ(send(client, {.method = "HEAD"})->body, "");
  EXPECT_EQ(send(client, {})->status, 204);
  EXPECT_EQ(send(client, {})->body, "ok");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(http_client_test, a_long_reply_arrives_whole) {
  std::string body;
  while (body.size() < 1'000'000)
    body += std::to_string(body.size()) + ' ';
  const auto reply_head = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size());
  server.on_next_connection({{reply_head + "\r\n\r\n" + body}, {ok_reply}});
  http_client client(context.get_executor(), server.where());
  EXPECT_EQ(send(client, {})->body, body);
  EXPECT_EQ(send(client, {})->body, "ok");
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(http_client_test, a_head_without_end_is_refused) {
  server.on_next_connection({{"HTTP/1.1 200 OK\r\nX-Long: " + std::string(200'000, 'x')}});
  http_client client(context.get_executor(), server.where());
  const auto reply = send(client, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::protocol_error);
}

TEST_F(http_client_test, a_connection_that_the_server_closed_is_not_reused) {
  server.on_next_connection({{ok_reply, true}});
  server.on_next_connection({{ok_reply}});
  http_client client(context.get_executor(), server.where());
  ASSERT_TRUE(send(client, {.method = "POST"}));
  context.poll();
  auto reply = send(client, {.method = "POST"});
  EXPECT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(http_client_test, a_broken_post_is_reported_and_not_repeated) {
  server.on_next_connection({{ok_reply}, {"", true}});
  http_client client(context.get_executor(), server.where());
  ASSERT_TRUE(send(client, {.method = "POST"}));
  auto reply = send(client, {.method = "POST"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::connection_failed);
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(http_client_test, a_broken_get_on_a_kept_connection_is_repeated_on_a_new_one) {
  server.on_next_connection({{ok_reply}, {"", true}});
  server.on_next_connection({{ok_reply}});
  http_client client(context.get_executor(), server.where());
  ASSERT_TRUE(send(client, {}));
  auto reply = send(client, {});
  EXPECT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(http_client_test, a_reply_cut_in_its_body_is_a_broken_connection) {
  server.on_next_connection({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true}});
  http_client client(context.get_executor(), server.where());
  auto reply = send(client, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::connection_failed);
}

TEST_F(http_client_test, what_is_not_http_is_a_protocol_error) {
  server.on_next_connection({{"what do you want?\r\n\r\n", true}});
  http_client client(context.get_executor(), server.where());
  auto reply = send(client, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::protocol_error);
}

TEST_F(http_client_test, a_server_that_never_answers_times_out) {
  server.on_next_connection({{.silent = true}});
  http_client client(context.get_executor(), server.where());
  auto reply = send(client, {.timeout = std::chrono::milliseconds{1}});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::timed_out);
  EXPECT_EQ(reply.error().blame, failure_class::infrastructure);
}

TEST_F(http_client_test, a_reply_beyond_the_bound_is_refused) {
  server.on_next_connection({{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef"}});
  http_client client(context.get_executor(), server.where());
  auto reply = send(client, {.max_reply_bytes = 5});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::limit_exceeded);
}

TEST_F(http_client_test, a_chunked_body_is_handed_over_in_order) {
  server.on_next_connection({{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"}});
  http_client client(context.get_executor(), server.where());
  std::string seen;
  auto reply = send(client, {.max_reply_bytes = 1,
                             .on_body = [&](int, std::string_view piece) { seen += piece; }});
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(seen, "abcdefg");
  EXPECT_TRUE(reply->body.empty());
}

TEST_F(http_client_test, a_piece_of_a_body_is_handed_over_before_the_next_one_is_sent) {
  // The server never sends the second piece: only one that is not waited for lets this test end.
  server.on_next_connection(
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"}, {.silent = true}});
  std::string seen;
  listen_until([&] { return !seen.empty(); }, [&](int, std::string_view piece) { seen += piece; });
  EXPECT_EQ(seen, "first");
}

TEST_F(http_client_test, the_head_of_a_reply_is_told_before_its_body_comes) {
  server.on_next_connection(
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}, {.silent = true}});
  int told = 0;
  listen_until([&] { return told != 0; }, [&](int status, std::string_view) { told = status; });
  EXPECT_EQ(told, 200);
}

TEST_F(http_client_test, no_server_is_an_error_that_says_it_was_never_connected) {
  http_client client(context.get_executor(), unix_endpoint{"/nonexistent/socket"});
  auto reply = send(client, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::connection_failed);
  EXPECT_NE(std::ranges::find(reply.error().evidence,
                              std::pair<std::string, evidence_value>{"connected", std::int64_t{0}}),
            reply.error().evidence.end());
}

TEST_F(http_client_test, a_socket_path_beyond_the_systems_limit_is_an_error) {
  http_client client(context.get_executor(), unix_endpoint{"/" + std::string(200, 'x')});
  auto reply = send(client, {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::connection_failed);
}

TEST_F(http_client_test, cancelling_the_caller_ends_the_exchange) {
  server.on_next_connection({{.silent = true}});
  http_client client(context.get_executor(), server.where());
  asio::cancellation_signal cancel;
  std::optional<result<http_reply>> answer;
  bool ended = false;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        http_request request;
        answer = co_await client.send(std::move(request));
      },
      asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { ended = true; }));
  while (server.heads().empty())
    context.run_one();
  cancel.emit(asio::cancellation_type::terminal);
  while (!ended)
    context.run_one();
  if (answer) {
    ASSERT_FALSE(*answer);
    EXPECT_EQ(answer->error().code, errc::cancelled);
  }
}

TEST_F(http_client_test, what_follows_a_reply_is_the_reply_to_nothing) {
  const std::string stray = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
  server.on_next_connection({{.bytes = ok_reply + stray}});
  server.on_next_connection({{.bytes = ok_reply}});
  http_client client(context.get_executor(), server.where());
  for (int i = 0; i < 2; ++i) {
    const auto reply = send(client, {});
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->body, "ok");
  }
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(http_client_test, interim_replies_are_passed_over) {
  server.on_next_connection(
      {{.bytes =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok_reply},
       {.bytes = ok_reply}});
  http_client client(context.get_executor(), server.where());
  for (int i = 0; i < 2; ++i) {
    const auto reply = send(client, {});
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, "ok");
  }
  EXPECT_EQ(server.connections(), 1);
}

} // namespace
} // namespace sandfleet::transport
