#include "runtime/core/test_stop.hpp"

#include <cerrno>
#include <cstdlib>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sandfleet::core {

namespace {

struct wanted_stop {
  std::string_view stage;
  std::string_view path;
};

wanted_stop read_wanted_stop() noexcept {
  const char* text = std::getenv("SANDFLEET_TEST_STOP_AT"); // NOLINT(concurrency-mt-unsafe)
  if (text == nullptr)
    return {};
  const std::string_view whole(text);
  const auto colon = whole.find(':');
  if (colon == std::string_view::npos)
    return {};
  return {whole.substr(0, colon), whole.substr(colon + 1)};
}

const wanted_stop& wanted() noexcept {
  static const wanted_stop found = read_wanted_stop();
  return found;
}

} // namespace

bool stops_at(std::string_view stage) noexcept {
  return wanted().stage == stage;
}

void test_stop(std::string_view stage) noexcept {
  if (!stops_at(stage))
    return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  wanted().path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(listener, stage.data(), stage.size(), MSG_NOSIGNAL) > 0) {
    char byte = 0;
    while (::read(listener, &byte, 1) < 0 && errno == EINTR) {
    }
  }
  ::close(listener);
}

} // namespace sandfleet::core
