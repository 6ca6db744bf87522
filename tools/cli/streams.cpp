#include "tools/cli/streams.hpp"

#include <climits>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::cli {

namespace {

/// Waits until `descriptor` is ready; false: `wake` is.
bool wait_ready(int descriptor, short events, int wake) {
  std::array<pollfd, 2> both = {pollfd{wake, POLLIN, 0}, pollfd{descriptor, events, 0}};
  while (::poll(both.data(), both.size(), -1) < 0 && errno == EINTR) {
  }
  return both[0].revents == 0;
}

error unreadable(const std::string& path, int number) {
  const auto code = number == ENOENT ? errc::not_found : errc::io_error;
  return errno_error(code, "--stdin: '" + path + "' cannot be read", number);
}

constexpr std::size_t piece_bytes = 64U << 10;

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

result<input_file> open_input(const std::string& path) {
  if (path == "-")
    return input_file(STDIN_FILENO, path);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return fail(unreadable(path, errno));
  return input_file(descriptor, path);
}

input_file::input_file(int descriptor, std::string path)
    : descriptor_(descriptor), path_(std::move(path)) {}

input_file::input_file(input_file&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

input_file::~input_file() {
  if (descriptor_ > STDIN_FILENO)
    ::close(descriptor_);
}

result<std::string> input_file::read_piece(int wake) const {
  std::string piece(piece_bytes, '\0');
  for (;;) {
    if (!wait_ready(descriptor_, POLLIN, wake))
      return fail(errc::cancelled, "--stdin: interrupted");
    const auto count = ::read(descriptor_, piece.data(), piece.size());
    if (count >= 0) {
      piece.resize(static_cast<std::size_t>(count));
      return piece;
    }
    if (errno != EINTR && errno != EAGAIN)
      return fail(unreadable(path_, errno));
  }
}

} // namespace sandfleet::cli
