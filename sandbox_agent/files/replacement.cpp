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

namespace {

/// A file without a name in that directory, of which nothing is left should we be killed; -1 where
/// there are none, or where it could not be given a name.
unique_fd open_nameless(const std::string& directory) {
  static const bool can_be_named = ::access("/proc/self/fd", X_OK) == 0;
  return unique_fd(can_be_named ? ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
                                : -1);
}

int give_name(int fd, const std::string& name) {
  const auto self = "/proc/self/fd/" + std::to_string(fd);
  return ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0
                                                                                          : errno;
}

constexpr std::string_view temporary_prefix = ".sandfleet-";

} // namespace

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
  const auto directory = real.substr(0, real.rfind('/') + 1);
  std::string temporary;
  auto file = open_nameless(directory);
  if (file.get() < 0) {
    temporary.append(directory).append(temporary_prefix).append("XXXXXX");
    file = unique_fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (file.get() < 0)
      return fail(os_error(errno, target));
  }
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

/// The error of giving the file, which has no name, the target's or a temporary one.
int replacement::take_a_name() {
  int failure = give_name(file_.get(), target_);
  const auto directory = target_.substr(0, target_.rfind('/') + 1);
  for (unsigned number = 0; failure == EEXIST; ++number) {
    auto name = directory;
    name.append(temporary_prefix).append(std::to_string(number));
    failure = give_name(file_.get(), name);
    if (failure == 0)
      temporary_ = name;
  }
  return failure;
}

result<void> replacement::commit() {
  if (temporary_.empty()) {
    if (const int failure = take_a_name(); failure != 0)
      return fail(os_error(failure, target_));
    if (temporary_.empty())
      return {};
  }
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return fail(os_error(errno, target_));
  temporary_.clear();
  return {};
}

} // namespace sandfleet::agent::files
