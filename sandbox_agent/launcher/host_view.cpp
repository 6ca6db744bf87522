#include "sandbox_agent/launcher/host_view.hpp"

#include "sandbox_agent/launcher/file_text.hpp"

#include <climits>

#include <algorithm>
#include <dirent.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::launcher {

file_kind real_host::kind(const std::string& path) const {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0)
    return file_kind::missing;
  if (S_ISREG(info.st_mode))
    return file_kind::file;
  if (S_ISDIR(info.st_mode))
    return file_kind::directory;
  return S_ISLNK(info.st_mode) ? file_kind::symlink : file_kind::other;
}

std::int64_t real_host::size(const std::string& path) const {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

std::string real_host::link_target(const std::string& path) const {
  char target[PATH_MAX];
  const auto n = ::readlink(path.c_str(), target, sizeof target);
  return n < 0 ? std::string{} : std::string(target, static_cast<std::size_t>(n));
}

std::string real_host::text(const std::string& path) const {
  return read_text(path);
}

std::vector<std::string> real_host::names(const std::string& dir) const {
  std::vector<std::string> found;
  const auto close = [](DIR* d) { ::closedir(d); };
  const std::unique_ptr<DIR, decltype(close)> stream(::opendir(dir.c_str()), close);
  while (stream) {
    const auto* entry = ::readdir(stream.get()); // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr)
      break;
    found.emplace_back(entry->d_name);
  }
  std::ranges::sort(found);
  return found;
}

} // namespace sandfleet::launcher
