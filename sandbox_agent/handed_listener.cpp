#include "sandbox_agent/handed_listener.hpp"

#include "sandbox_agent/bash/pty.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

namespace sandfleet::agent {

namespace {

constexpr timeval patience{10, 0};

/// The descriptor that comes with the first byte; -1 with errno, 0 where none came.
int receive_descriptor(int connection) {
  char byte = 0;
  iovec piece{&byte, 1};
  int fd = -1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  errno = 0;
  if (::recvmsg(connection, &message, MSG_CMSG_CLOEXEC) < 1)
    return -1;
  const auto* header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof fd))
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

} // namespace

result<int> take_handed_listener(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(errc::invalid_argument, "--listen-from: the path is longer than 107 bytes");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const unique_fd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(
        errno_error(errc::connection_failed, "--listen-from: cannot connect to " + path, errno));
  ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const int fd = receive_descriptor(connection.get());
  if (fd < 0)
    return fail(make_error(errc::protocol_error, "--listen-from: " + path + " gives no socket")
                    .with_cause(errno == 0 ? "the connection ended" : std::strerror(errno)));
  return fd;
}

} // namespace sandfleet::agent
