#include "runtime/transport/abandoned_socket.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sandfleet::transport {

void remove_abandoned_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  struct stat found {};
  if (path.empty() || path.size() >= sizeof address.sun_path ||
      ::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode))
    return;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0)
    return;
  if (::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno == ECONNREFUSED)
    ::unlink(path.c_str());
  ::close(probe);
}

} // namespace sandfleet::transport
