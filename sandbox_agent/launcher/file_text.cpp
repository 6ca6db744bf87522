#include "sandbox_agent/launcher/file_text.hpp"

#include "sandbox_agent/launcher/unique_fd.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace sandfleet::launcher {

namespace {

constexpr std::size_t max_text = 1 << 20;

int write_all(int fd, std::string_view text) noexcept {
  do {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno;
    text.remove_prefix(static_cast<std::size_t>(n));
  } while (!text.empty());
  return 0;
}

} // namespace

std::string read_text(const std::string& path) {
  std::string text;
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  char buffer[4096];
  while (file && text.size() < max_text) {
    const auto n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

int write_text(const std::string& path, std::string_view text) noexcept {
  const unique_fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file ? write_all(file.get(), text) : errno;
}

int put_file(const std::string& path, std::string_view text, unsigned mode) noexcept {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return errno;
  const unique_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file)
    return errno;
  if (::fchmod(file.get(), mode) != 0)
    return errno;
  return write_all(file.get(), text);
}

} // namespace sandfleet::launcher
