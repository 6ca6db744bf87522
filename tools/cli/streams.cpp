#include "tools/cli/streams.hpp"

#include <climits>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace sandfleet::cli {

namespace {

/// Waits until `descriptor` is ready; false: `wake` is.
bool wait_ready(int descriptor, short events, int wake) {
  std::array<pollfd, 2> both = {pollfd{wake, POLLIN, 0}, pollfd{descriptor, events, 0}};
  while (::poll(both.data(), both.size(), -1) < 0 && errno == EINTR) {
  }
  return both[0].revents == 0;
}

} // namespace

write_outcome write_all(int descriptor, std::string_view bytes, int wake, int& failure) {
  while (!bytes.empty()) {
    if (!wait_ready(descriptor, POLLOUT, wake))
      return write_outcome::interrupted;
    // A pipe that is ready takes PIPE_BUF bytes; more could block where no interrupt ends it.
    const auto count =
        ::write(descriptor, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR && errno != EAGAIN) {
      failure = errno == EPIPE ? 0 : errno;
      return write_outcome::reader_gone;
    }
  }
  return write_outcome::written;
}

result<std::string> read_input(const std::string& path, std::size_t max_bytes, int wake) {
  const bool own = path == "-";
  const auto problem = [&](int number) {
    const auto code = number == ENOENT ? errc::not_found : errc::io_error;
    return fail(errno_error(code, "--stdin: '" + path + "' cannot be read", number));
  };
  const int descriptor = own ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return problem(errno);
  struct closer {
    int descriptor;
    ~closer() {
      if (descriptor != STDIN_FILENO)
        ::close(descriptor);
    }
  } const closing{descriptor};
  std::string bytes;
  std::string chunk(64U << 10, '\0');
  for (;;) {
    if (!wait_ready(descriptor, POLLIN, wake))
      return fail(errc::cancelled, "--stdin: interrupted");
    const auto count = ::read(descriptor, chunk.data(), chunk.size());
    if (count == 0)
      return bytes;
    if (count < 0 && errno != EINTR && errno != EAGAIN)
      return problem(errno);
    if (count > 0)
      bytes.append(chunk, 0, static_cast<std::size_t>(count));
    if (bytes.size() > max_bytes)
      return fail(make_error(errc::limit_exceeded, "--stdin: '" + path + "' is too large")
                      .with("max_bytes", static_cast<std::int64_t>(max_bytes))
                      .with_hint("show the file to the sandbox by --volume"));
  }
}

} // namespace sandfleet::cli
