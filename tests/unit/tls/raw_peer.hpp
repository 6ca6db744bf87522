#pragma once

#include "tests/support/certificates.hpp"

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace sandfleet::tls {

/// Listens on a port of 127.0.0.1 and plays a part on its first connection, on a thread of its own,
/// with blocking calls.
class raw_peer {
 public:
  explicit raw_peer(std::function<void(int)> play) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* generic = reinterpret_cast<sockaddr*>(&at);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 1) != 0 ||
        ::getsockname(listener_, generic, &size) != 0)
      throw std::runtime_error("no port");
    port_ = ntohs(at.sin_port);
    player_ = std::thread([this, play = std::move(play)] {
      connection_ = ::accept(listener_, nullptr, nullptr);
      if (connection_ >= 0)
        play(connection_);
    });
  }
  ~raw_peer() {
    ::shutdown(listener_, SHUT_RDWR); // ends the waits
    ::shutdown(connection_, SHUT_RDWR);
    player_.join();
    ::close(connection_);
    ::close(listener_);
  }
  raw_peer(const raw_peer&) = delete;
  raw_peer& operator=(const raw_peer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int listener_;
  std::atomic<int> connection_ = -1; ///< stays open until the end, but for what a play shuts down
  std::uint16_t port_ = 0;
  std::thread player_;
};

/// Waits for the other side's end.
inline void drain(int connection) {
  std::array<char, 4096> dropped{};
  while (::recv(connection, dropped.data(), dropped.size(), 0) > 0) {
  }
}

/// Shakes hands, reads a request, answers with the bytes, and ends in TLS's order or without it.
inline std::function<void(int)> replying(const tests::certificate_files& files, std::string bytes,
                                         bool in_order) {
  return [files, bytes = std::move(bytes), in_order](int connection) {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
        SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
    SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM);
    const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(session.get(), connection);
    std::array<char, 4096> request{};
    if (SSL_accept(session.get()) != 1 ||
        SSL_read(session.get(), request.data(), static_cast<int>(request.size())) <= 0)
      return;
    SSL_write(session.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (in_order)
      SSL_shutdown(session.get());
    ::shutdown(connection, SHUT_WR);
    drain(connection);
  };
}

} // namespace sandfleet::tls
