#pragma once

#include "tests/integration/agent/agent_process.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace agent_test {

/// A WebSocket's client that can break every rule of RFC 6455.
class raw_websocket {
 public:
  enum opcode : std::uint8_t { text = 1, binary = 2, close_frame = 8, ping = 9, pong = 10 };
  struct frame {
    int opcode = -1; ///< -1: the connection has ended
    std::string payload;
  };

  raw_websocket(agent_process& agent, const std::string& more_headers) : to_(agent.connect()) {
    to_.send("GET /terminal HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
             more_headers + "\r\n");
    while (held_.find("\r\n\r\n") == std::string::npos)
      if (!more())
        throw std::runtime_error("no answer to the handshake: " + held_);
    status_ = std::stoi(held_.substr(9));
    head_ = take(held_.find("\r\n\r\n") + 4);
  }

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& head() const { return head_; }

  void send(int code, const std::string& payload, bool masked = true, bool last = true) {
    std::string bytes(1, static_cast<char>(code | (last ? 0x80 : 0)));
    const int mask_bit = masked ? 0x80 : 0;
    if (payload.size() < 126) {
      bytes += static_cast<char>(payload.size() | static_cast<unsigned>(mask_bit));
    } else {
      const bool is_long = payload.size() > 0xffff;
      bytes += static_cast<char>((is_long ? 127 : 126) | mask_bit);
      for (int shift = is_long ? 56 : 8; shift >= 0; shift -= 8)
        bytes += static_cast<char>(std::uint64_t{payload.size()} >> shift);
    }
    if (masked)
      bytes += std::string(4, '\0'); // a mask that changes nothing
    to_.send(bytes + payload);
  }

  frame receive() {
    const auto head = take(2);
    if (head.size() < 2)
      return {};
    std::uint64_t size = static_cast<unsigned char>(head[1]);
    if (size >= 126) {
      const auto longer = take(size == 126 ? 2 : 8);
      size = 0;
      for (const char c : longer)
        size = size << 8U | static_cast<unsigned char>(c);
    }
    frame got{static_cast<unsigned char>(head[0]) & 0x0f, take(size)};
    return got.payload.size() == size ? got : frame{};
  }

  /// The code of the close frame that comes; 0 when the connection ends without.
  int close_code() {
    for (auto got = receive(); got.opcode >= 0; got = receive())
      if (got.opcode == close_frame)
        return static_cast<unsigned char>(got.payload.at(0)) << 8 |
               static_cast<unsigned char>(got.payload.at(1));
    return 0;
  }

  [[nodiscard]] int fd() const { return to_.fd(); }

 private:
  bool more() {
    const auto piece = to_.receive_some();
    held_ += piece;
    return !piece.empty();
  }
  std::string take(std::size_t count) {
    while (held_.size() < count)
      if (!more())
        return std::exchange(held_, {});
    auto taken = held_.substr(0, count);
    held_.erase(0, count);
    return taken;
  }

  connection to_;
  int status_ = 0;
  std::string head_;
  std::string held_;
};

} // namespace agent_test
