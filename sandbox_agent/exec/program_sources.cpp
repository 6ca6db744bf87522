#include "sandbox_agent/exec/program_sources.hpp"

#include <dirent.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace sandfleet::agent {

namespace {

constexpr const char* fixed_paths[] = {"/bin",
                                       "/sbin",
                                       "/lib",
                                       "/lib32",
                                       "/lib64",
                                       "/libx32",
                                       "/usr",
                                       "/etc",
                                       "/etc/ld.so.preload",
                                       "/etc/ld.so.cache"};
constexpr std::string_view python_prefix = "python3";

bool is_read_only(const char* path) {
  struct statvfs mount {};
  return ::statvfs(path, &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0;
}

} // namespace

program_sources::program_sources() : before_(look()) {}

program_sources::picture program_sources::look() {
  picture seen;
  if (!is_read_only("/usr"))
    return seen;
  const auto note = [&](const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0)
      return;
    auto& is = seen[path];
    is.device = info.st_dev;
    is.inode = info.st_ino;
    // Directories change with what is put into them. A read-only mount may show a file of the
    // machine, which others may replace there.
    if (S_ISDIR(info.st_mode) || (!S_ISLNK(info.st_mode) && is_read_only(path.c_str())))
      return;
    is.changed_s = info.st_ctim.tv_sec;
    is.changed_ns = info.st_ctim.tv_nsec;
  };
  for (const auto* path : fixed_paths)
    note(path);
  const std::unique_ptr<DIR, int (*)(DIR*)> etc(::opendir("/etc"), &::closedir);
  while (const dirent* entry = etc ? ::readdir(etc.get()) : nullptr)
    if (std::string_view(entry->d_name).starts_with(python_prefix))
      note("/etc/" + std::string(entry->d_name));
  return seen;
}

std::optional<std::string> program_sources::changed() const {
  const auto now = look();
  for (const auto& [path, is] : before_) {
    const auto found = now.find(path);
    if (found == now.end() || found->second != is)
      return path;
  }
  for (const auto& [path, is] : now)
    if (!before_.contains(path))
      return path;
  return std::nullopt;
}

} // namespace sandfleet::agent
