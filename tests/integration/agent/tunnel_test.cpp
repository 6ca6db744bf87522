#include "tests/integration/agent/agent_process.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace agent_test;

namespace {

/// A listening TCP socket on loopback.
class listener {
 public:
  listener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address_), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size);
  }
  ~listener() { end(); }
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  void end() {
    if (fd_ >= 0)
      ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] std::string port() const { return std::to_string(ntohs(address_.sin_port)); }
  [[nodiscard]] int accept() const { return ::accept(fd_, nullptr, nullptr); }

 private:
  int fd_;
  sockaddr_in address_{};
};

constexpr const char* wish = "Connection: Upgrade\r\nUpgrade: tcp\r\n";

std::string ask_for(const agent_process& agent, const std::string& port) {
  return "GET /tunnel?port=" + port + " HTTP/1.1\r\nHost: x\r\n" + agent.key_header() + wish +
         "\r\n";
}

} // namespace

TEST(agent_tunnel, carries_bytes_and_ends_both_ways) {
  agent_process agent;
  const listener inside;
  auto outside = agent.connect();
  outside.send(ask_for(agent, inside.port()) + "sent at once");
  const int server = inside.accept();
  ASSERT_GE(server, 0);
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos)
    head += outside.receive_some();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  std::string got(64, '\0');
  got.resize(static_cast<std::size_t>(::recv(server, got.data(), 12, MSG_WAITALL)));
  EXPECT_EQ(got, "sent at once");

  ASSERT_EQ(::send(server, "answer", 6, 0), 6);
  std::string answered;
  while (answered.size() < 6)
    answered += outside.receive_some();
  EXPECT_EQ(answered, "answer");

  ::shutdown(outside.fd(), SHUT_WR);
  EXPECT_EQ(::recv(server, got.data(), 1, 0), 0);
  ::close(server);
  EXPECT_EQ(outside.receive_some(), "");
}

TEST(agent_tunnel, says_why_there_is_none) {
  agent_process agent;
  listener nobody;
  const auto port = nobody.port();
  nobody.end();
  auto client = agent.connect();
  const auto with_wish = agent.key_header() + wish;
  const auto closed = client.request("GET", "/tunnel?port=" + port, {}, with_wish);
  EXPECT_EQ(closed.status, 502);
  EXPECT_NE(closed.body.find("nothing answers on port " + port), std::string::npos) << closed.body;
  for (const char* bad : {"", "0", "65536", "-1", "http"})
    EXPECT_EQ(client.request("GET", std::string("/tunnel?port=") + bad, {}, with_wish).status, 422)
        << bad;
  EXPECT_EQ(agent.get("/tunnel?port=" + port).status, 426);
  EXPECT_EQ(client.request("GET", "/tunnel?port=" + port, {}, wish).status, 403);
}
