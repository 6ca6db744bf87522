#include "sandbox_agent/files/listing.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <dirent.h>
#include <glob.h>
#include <memory>
#include <sys/stat.h>

namespace sandfleet::agent::files {

std::vector<std::string> list_files(const std::string& path) {
  std::vector<std::string> directories;
  std::vector<std::string> others;
  if (path.find('\0') != std::string::npos)
    return directories; // no path has one, and the kernel would take what is before it
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(path.c_str()), &::closedir);
  while (open) {
    const dirent* entry = ::readdir(open.get());
    if (!entry)
      break;
    const std::string name = entry->d_name;
    struct stat found {};
    if (name == "." || name == ".." || ::fstatat(::dirfd(open.get()), name.c_str(), &found, 0) != 0)
      continue;
    if (S_ISDIR(found.st_mode))
      directories.push_back(name + "/");
    else
      others.push_back(name);
  }
  const auto by_lower_case = [](const std::string& a, const std::string& b) {
    const auto low_a = core::to_lower(a);
    const auto low_b = core::to_lower(b);
    return low_a != low_b ? low_a < low_b : a < b;
  };
  std::ranges::sort(directories, by_lower_case);
  std::ranges::sort(others, by_lower_case);
  directories.insert(directories.end(), others.begin(), others.end());
  return directories;
}

namespace {

/// readdir(3) without "." and "..", which a pattern such as ".*" would follow upwards.
dirent* read_entry(void* directory) {
  for (;;) {
    dirent* entry = ::readdir(static_cast<DIR*>(directory));
    const std::string_view name = entry ? entry->d_name : "";
    if (name != "." && name != "..")
      return entry;
  }
}

glob_t with_own_listing() {
  glob_t found{};
  found.gl_opendir = [](const char* path) -> void* { return ::opendir(path); };
  found.gl_readdir = read_entry;
  found.gl_closedir = [](void* directory) { ::closedir(static_cast<DIR*>(directory)); };
  found.gl_stat = [](const char* path, struct stat* into) { return ::stat(path, into); };
  found.gl_lstat = [](const char* path, struct stat* into) { return ::lstat(path, into); };
  return found;
}

} // namespace

result<std::vector<std::string>> match_glob(const std::string& pattern,
                                            const std::string& directory) {
  std::vector<std::string> paths;
  if (pattern.empty())
    return paths;
  std::string prefix;
  if (!pattern.starts_with('/')) {
    for (const char c : directory) { // the directory is a name, not a pattern
      if (c == '*' || c == '?' || c == '[' || c == '\\')
        prefix += '\\';
      prefix += c;
    }
    prefix += '/';
  }
  auto found = with_own_listing();
  const int status =
      ::glob((prefix + pattern).c_str(), GLOB_NOSORT | GLOB_ALTDIRFUNC, nullptr, &found);
  const std::unique_ptr<glob_t, void (*)(glob_t*)> release(&found, &::globfree);
  if (status == GLOB_NOSPACE)
    return fail(errc::limit_exceeded, "too many paths match " + pattern);
  const std::size_t skip = prefix.empty() ? 0 : directory.size() + 1;
  for (std::size_t i = 0; i < found.gl_pathc; ++i)
    paths.emplace_back(found.gl_pathv[i] + skip);
  std::ranges::sort(paths);
  return paths;
}

} // namespace sandfleet::agent::files
