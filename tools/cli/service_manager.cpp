#include "tools/cli/service_manager.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sandfleet::cli {

void tell_service_manager(std::string_view state) {
  const char* const named =
      std::getenv("NOTIFY_SOCKET"); // NOLINT(concurrency-mt-unsafe): unset by nobody
  const std::string_view path = named == nullptr ? std::string_view() : named;
  sockaddr_un to{};
  if (path.empty() || path.size() >= sizeof to.sun_path)
    return;
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path.data(), path.size());
  if (path.front() == '@') // of no directory
    to.sun_path[0] = '\0';
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0)
    return;
  (void)::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&to),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size()));
  ::close(socket);
}

} // namespace sandfleet::cli
