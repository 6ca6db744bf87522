#include "sandbox_agent/launcher/listen.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace sandfleet::launcher {

result<unique_fd> listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(make_error(errc::invalid_configuration,
                           "the socket's path '" + path + "' is longer than 107 bytes")
                    .with_hint("choose a shorter state_dir"));
  std::memcpy(address.sun_path, path.data(), path.size());
  unique_fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(socket.get(), SOMAXCONN) != 0)
    return fail(errno_error(errc::start_failed, "cannot listen on '" + path + "'", errno));
  return socket;
}

} // namespace sandfleet::launcher
