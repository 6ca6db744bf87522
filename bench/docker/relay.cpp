#include "bench/docker/relay.hpp"

#include <array>
#include <cstring>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::bench {

namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

/// "POST /v1.41/containers/x/start?y HTTP/1.1" is "POST start"; nothing in the middle of a call.
std::optional<std::string> call_in(std::string_view bytes) {
  const auto line = bytes.substr(0, bytes.find("\r\n"));
  const auto end = line.find(" HTTP/1.1");
  if (end == std::string_view::npos)
    return std::nullopt;
  const auto method = line.substr(0, line.find(' '));
  auto path = line.substr(method.size() + 1, end - method.size() - 1);
  path = path.substr(0, path.find('?'));
  auto last = path.substr(path.rfind('/') + 1);
  if (method == "DELETE")
    last = "container";
  return std::string(method) + " " + std::string(last);
}

bool write_all(int to, const char* bytes, std::size_t size) {
  while (size > 0) {
    const auto n = ::send(to, bytes, size, MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

} // namespace

int connect_to(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(path);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd);
    throw std::runtime_error("nobody listens at " + path);
  }
  return fd;
}

relay::relay(std::string path, std::string engine_path)
    : path_(std::move(path)), engine_path_(std::move(engine_path)) {
  listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(path_);
  if (::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listening_, SOMAXCONN) != 0)
    throw std::runtime_error("cannot listen at " + path_);
  threads_.emplace_back([this] { accept_all(); });
}

relay::~relay() {
  ::shutdown(listening_, SHUT_RDWR);
  threads_.front().join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_)
      ::shutdown(fd, SHUT_RDWR);
  }
  for (std::size_t i = 1; i < threads_.size(); ++i)
    threads_[i].join();
  ::close(listening_);
  ::unlink(path_.c_str());
}

void relay::accept_all() {
  for (;;) {
    const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0)
      return;
    ++connections_;
    const std::lock_guard lock(mutex_);
    open_.push_back(client);
    threads_.emplace_back([this, client] { serve(client); });
  }
}

void relay::serve(int client) {
  const int engine = connect_to(engine_path_);
  std::optional<passed_call> under_way;
  std::array<char, 65536> piece{};
  std::array<pollfd, 2> ends{pollfd{client, POLLIN, 0}, pollfd{engine, POLLIN, 0}};
  for (bool goes_on = true; goes_on && ::poll(ends.data(), ends.size(), -1) > 0;) {
    if (ends[0].revents != 0) {
      const auto n = ::recv(client, piece.data(), piece.size(), 0);
      if (n <= 0)
        break;
      const std::string_view bytes(piece.data(), static_cast<std::size_t>(n));
      if (auto what = call_in(bytes))
        under_way = {std::move(*what), std::chrono::steady_clock::now(), {}};
      goes_on = write_all(engine, piece.data(), bytes.size());
    }
    if (ends[1].revents != 0) {
      const auto n = ::recv(engine, piece.data(), piece.size(), 0);
      if (n <= 0)
        break;
      const std::string_view bytes(piece.data(), static_cast<std::size_t>(n));
      goes_on = goes_on && write_all(client, piece.data(), bytes.size());
      const auto now = std::chrono::steady_clock::now();
      const std::lock_guard lock(mutex_);
      if (under_way) {
        under_way->end = now;
        calls_.push_back(std::move(*under_way));
        under_way.reset();
      }
      if (ready_ == instant() && bytes.find("ready\n") != std::string_view::npos)
        ready_ = now;
    }
  }
  ::close(engine);
  const std::lock_guard lock(mutex_);
  std::erase(open_, client);
  ::close(client);
}

std::vector<passed_call> relay::take_calls() {
  const std::lock_guard lock(mutex_);
  return std::exchange(calls_, {});
}

instant relay::take_ready() {
  const std::lock_guard lock(mutex_);
  return std::exchange(ready_, instant());
}

} // namespace sandfleet::bench
