#include "sandbox_agent/files/replacement.hpp"

#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/make_directories.hpp"

#include <climits>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::agent::files {

int write_fully(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::write(fd, bytes.data(), bytes.size());
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return errno;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return 0;
}

result<replacement> replacement::begin(const std::string& target, std::uint32_t mode) {
  std::string real = target;
  std::array<char, PATH_MAX> resolved{};
  struct stat found {};
  const bool exists = ::stat(target.c_str(), &found) == 0;
  if (exists) {
    if (!S_ISREG(found.st_mode))
      return fail(os_error(S_ISDIR(found.st_mode) ? EISDIR : EINVAL, target));
    if (::realpath(target.c_str(), resolved.data()))
      real = resolved.data();
  } else if (auto made = make_parents(target); !made) {
    return tl::unexpected(made.error());
  }
  const auto slash = real.rfind('/') + 1;
  auto temporary = real.substr(0, slash) + ".sandfleet-XXXXXX";
  unique_fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (file.get() < 0)
    return fail(os_error(errno, target));
  replacement begun(std::move(file), std::move(temporary), std::move(real));
  // Where it is not permitted the file is the agent's own, like any that it makes.
  if (exists && ::fchown(begun.file_.get(), found.st_uid, found.st_gid) != 0)
    errno = 0;
  if (::fchmod(begun.file_.get(), mode & 07777U) != 0)
    return fail(os_error(errno, target));
  return begun;
}

replacement::replacement(replacement&& other) noexcept
    : file_(std::move(other.file_)), temporary_(std::exchange(other.temporary_, {})),
      target_(std::move(other.target_)) {}

replacement::~replacement() {
  if (!temporary_.empty())
    ::unlink(temporary_.c_str());
}

result<void> replacement::write(std::string_view bytes) {
  if (const int number = write_fully(file_.get(), bytes); number != 0)
    return fail(os_error(number, target_));
  return {};
}

result<void> replacement::commit() {
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return fail(os_error(errno, target_));
  temporary_.clear();
  return {};
}

} // namespace sandfleet::agent::files
