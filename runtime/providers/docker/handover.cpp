#include "runtime/providers/docker/handover.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

tl::unexpected<error> broken(const std::string& what, int number) {
  return fail(errno_error(errc::io_error, what, number));
}

/// A listening unix socket at `path`; -1 with errno.
int listen_at(const std::string& path, mode_t mode) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ::unlink(path.c_str());
  if (fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::chmod(path.c_str(), mode) == 0 && ::listen(fd, SOMAXCONN) == 0)
    return fd;
  const int failed = errno;
  if (fd >= 0)
    ::close(fd);
  errno = failed;
  return -1;
}

void send_descriptor(int connection, int fd) {
  char byte = 'l';
  iovec piece{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  // One who does not take it does not become ready, which is seen.
  [[maybe_unused]] const auto sent = ::sendmsg(connection, &message, MSG_NOSIGNAL);
}

} // namespace

struct handover::impl {
  impl(const asio::any_io_executor& executor, int door_fd, int listening)
      : door(executor, door_fd), agent_socket(listening) {}

  asio::posix::stream_descriptor door; ///< where the agent comes
  int agent_socket;
};

handover::handover(std::unique_ptr<impl> made) : impl_(std::move(made)) {}

handover::~handover() {
  close();
}

result<std::shared_ptr<handover>> handover::prepare(const asio::any_io_executor& executor,
                                                    const std::string& sockets_dir,
                                                    const std::string& agent_path) {
  std::error_code failed;
  fs::create_directory(sockets_dir, failed);
  // The path to it is for this user alone; inside, whoever the agent is must get through.
  if (failed || ::chmod(sockets_dir.c_str(), 0755) != 0)
    return broken("cannot make '" + sockets_dir + "'", failed ? failed.value() : errno);
  const int listening = listen_at(agent_path, 0600);
  if (listening < 0)
    return broken("cannot listen at '" + agent_path + "'", errno);
  const int door = listen_at(sockets_dir + "/listen", 0666);
  if (door < 0) {
    const int number = errno;
    ::close(listening);
    return broken("cannot listen at '" + sockets_dir + "/listen'", number);
  }
  return std::shared_ptr<handover>(new handover(std::make_unique<impl>(executor, door, listening)));
}

void handover::offer() {
  impl_->door.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](boost::system::error_code ec) {
                           if (ec)
                             return;
                           const int connection = ::accept4(self->impl_->door.native_handle(),
                                                            nullptr, nullptr, SOCK_CLOEXEC);
                           if (connection < 0)
                             return self->offer();
                           send_descriptor(connection, self->impl_->agent_socket);
                           ::close(connection);
                           self->close();
                         });
}

void handover::close() {
  boost::system::error_code ignored;
  impl_->door.close(ignored);
  // Else a connection to an agent that has died would wait here for ever.
  if (impl_->agent_socket >= 0)
    ::close(std::exchange(impl_->agent_socket, -1));
}

} // namespace sandfleet::providers::docker
