#include "runtime/transport/http_server.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <future>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace sandfleet::transport {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// A server on a thread of its own: /echo answers the body, /flood answers without end, and /wait
/// answers when `release` is called.
class served {
 public:
  explicit served(const http_server_options& options)
      : never_(context_, std::chrono::steady_clock::time_point::max()),
        server_(
            context_.get_executor(),
            [this](http_exchange& exchange) -> asio::awaitable<void> { return answer(exchange); },
            options) {
    EXPECT_TRUE(server_.listen(unix_endpoint{path()}));
    thread_ = std::jthread([this] { context_.run(); });
  }
  ~served() {
    release();
    context_.stop();
  }
  served(const served&) = delete;
  served& operator=(const served&) = delete;

  [[nodiscard]] std::string path() const { return directory_ / "s"; }
  void release() {
    asio::post(context_, [this] { never_.cancel(); });
  }
  /// How writing to a client that does not read ended.
  std::future<error> flooded() { return flooded_.get_future(); }

 private:
  asio::awaitable<void> answer(http_exchange& exchange) {
    if (exchange.path() == "/wait") {
      boost::system::error_code ec;
      co_await never_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    if (exchange.path() == "/flood") {
      const std::string piece(1 << 16, 'x');
      auto sent = co_await exchange.begin_reply(200, {});
      while (sent)
        sent = co_await exchange.write(piece);
      flooded_.set_value(sent.error());
      co_return;
    }
    auto body = co_await exchange.read_body(1 << 20);
    if (body)
      (void)co_await exchange.reply(200, {}, std::move(*body));
    else
      (void)co_await exchange.reply(400, {}, {});
  }

  tests::temporary_directory directory_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
  asio::steady_timer never_;
  std::promise<error> flooded_;
  http_server server_;
  std::jthread thread_;
};

class client {
 public:
  explicit client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  client(client&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  client& operator=(client&&) = delete;
  ~client() {
    if (fd_ >= 0)
      ::close(fd_);
  }

  [[nodiscard]] bool send(std::string_view bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  void half_close() const { ::shutdown(fd_, SHUT_WR); }

  [[nodiscard]] bool readable_within(std::chrono::milliseconds time) const {
    pollfd one{fd_, POLLIN, 0};
    return ::poll(&one, 1, static_cast<int>(time.count())) == 1;
  }

  /// What comes next, or nothing at the end of the connection.
  [[nodiscard]] std::string receive() const {
    if (!readable_within(20s))
      return "(nothing came)";
    std::string bytes(4096, '\0');
    const auto got = ::recv(fd_, bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  /// Sends a byte, and the next when nothing has come for a moment, until something does.
  [[nodiscard]] std::string trickle() const {
    for (int i = 0; i < 2000; ++i)
      if (!send("x") || readable_within(10ms))
        return receive();
    return "(taken for ever)";
  }

 private:
  int fd_;
};

bool says(const std::string& reply, int status) {
  return reply.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

const std::string get = "GET /echo HTTP/1.1\r\n\r\n";

std::string head_of(std::size_t bytes) {
  const std::string begin = "GET /echo HTTP/1.1\r\nX: ";
  return begin + std::string(bytes - begin.size() - 4, 'x') + "\r\n\r\n";
}

} // namespace

TEST(slow_clients, who_trickles_a_head_is_sent_away_in_time) {
  http_server_options options;
  options.io_timeout = 200ms;
  served server(options);
  const client slow(server.path());
  ASSERT_TRUE(slow.send("GET /echo HTTP/1.1\r\nX-Long: "));
  EXPECT_TRUE(says(slow.trickle(), 408));
}

TEST(slow_clients, who_trickles_a_body_is_sent_away_in_time) {
  http_server_options options;
  options.io_timeout = 200ms;
  options.least_rate = 1'000'000;
  served server(options);
  const client slow(server.path());
  ASSERT_TRUE(slow.send("POST /echo HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"));
  EXPECT_TRUE(says(slow.trickle(), 400));
}

TEST(slow_clients, one_that_is_slow_but_not_that_slow_is_waited_for) {
  http_server_options options;
  options.io_timeout = 200ms;
  options.least_rate = 1;
  served server(options);
  const client slow(server.path());
  ASSERT_TRUE(slow.send("POST /echo HTTP/1.1\r\nContent-Length: 60\r\n\r\n"));
  EXPECT_TRUE(says(slow.trickle(), 200)); // 600 ms
}

TEST(slow_clients, who_does_not_read_its_reply_is_left) {
  http_server_options options;
  options.io_timeout = 200ms;
  served server(options);
  auto ended = server.flooded();
  const client deaf(server.path());
  ASSERT_TRUE(deaf.send("GET /flood HTTP/1.1\r\n\r\n"));
  ASSERT_EQ(ended.wait_for(20s), std::future_status::ready);
  EXPECT_EQ(ended.get().message, "HTTP client: a reply could not be sent");
}

TEST(slow_clients, silence_between_requests_is_no_fault) {
  http_server_options options;
  options.io_timeout = 50ms;
  served server(options);
  const client kept(server.path());
  EXPECT_FALSE(kept.readable_within(200ms));
  ASSERT_TRUE(kept.send(get));
  EXPECT_TRUE(says(kept.receive(), 200));
  EXPECT_FALSE(kept.readable_within(200ms));
  ASSERT_TRUE(kept.send(get));
  EXPECT_TRUE(says(kept.receive(), 200));
}

TEST(many_clients, one_more_takes_the_place_of_who_was_silent_longest) {
  http_server_options options;
  options.max_connections = 4;
  served server(options);
  std::vector<client> silent;
  for (int i = 0; i < 40; ++i) {
    silent.emplace_back(server.path());
    const bool began = silent.back().send(i % 2 == 0 ? "" : "GET /ec"); // as good as nothing
    ASSERT_TRUE(began);
    const client asks(server.path());
    ASSERT_TRUE(asks.send(get));
    EXPECT_TRUE(says(asks.receive(), 200));
  }
  EXPECT_EQ(silent.front().receive(), "");
}

TEST(many_clients, those_at_work_stay_and_one_more_waits) {
  http_server_options options;
  options.max_connections = 2;
  served server(options);
  std::vector<client> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back(server.path());
    ASSERT_TRUE(busy.back().send("GET /wait HTTP/1.1\r\n\r\n"));
  }
  const client next(server.path());
  ASSERT_TRUE(next.send(get));
  EXPECT_FALSE(next.readable_within(100ms));
  server.release();
  for (const auto& one : busy)
    EXPECT_TRUE(says(one.receive(), 200));
  EXPECT_TRUE(says(next.receive(), 200));
}

TEST(heads, the_limit_is_the_same_however_they_come) {
  http_server_options options;
  options.max_header_bytes = 1000;
  served server(options);
  for (const std::size_t size : {999U, 1000U, 1001U}) {
    const int status = size <= 1000 ? 200 : 431;
    const auto head = head_of(size);
    const client whole(server.path());
    ASSERT_TRUE(whole.send(head));
    EXPECT_TRUE(says(whole.receive(), status)) << size;
    const client split(server.path());
    for (std::size_t i = 0; i < head.size(); ++i)
      (void)split.send(head.substr(i, 1));
    EXPECT_TRUE(says(split.receive(), status)) << size;
  }
}

TEST(half_closed, a_client_that_sends_no_more_gets_its_answers) {
  served server({});
  const client half(server.path());
  ASSERT_TRUE(half.send(get + "GET /wait HTTP/1.1\r\n\r\n"));
  half.half_close();
  EXPECT_TRUE(says(half.receive(), 200));
  server.release();
  EXPECT_TRUE(says(half.receive(), 200));
  EXPECT_EQ(half.receive(), "");
}

TEST(chunks, other_codings_are_refused_and_what_follows_is_no_request) {
  served server({});
  for (const auto* coding : {"gzip", "gzip, chunked", "chunked, gzip"}) {
    const client one(server.path());
    ASSERT_TRUE(one.send(std::string("POST /echo HTTP/1.1\r\nTransfer-Encoding: ") + coding +
                         "\r\n\r\n" + get));
    const auto answer = one.receive();
    EXPECT_TRUE(says(answer, 501) || says(answer, 400)) << coding << answer;
    EXPECT_EQ(one.receive(), "") << coding;
  }
}

TEST(chunks, malformed_ones_are_refused) {
  served server({});
  for (const auto* chunk :
       {"zz\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "1\r\nxy\r\n0\r\n\r\n", "\r\n"}) {
    const client one(server.path());
    ASSERT_TRUE(one.send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
    ASSERT_TRUE(one.send(chunk));
    EXPECT_TRUE(says(one.receive(), 400)) << chunk;
  }
}

} // namespace sandfleet::transport
