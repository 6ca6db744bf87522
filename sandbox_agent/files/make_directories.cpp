#include "sandbox_agent/files/make_directories.hpp"

#include "sandbox_agent/files/file_text.hpp"

#include <cerrno>
#include <sys/stat.h>

namespace sandfleet::agent::files {

result<void> make_directories(const std::string& path) {
  if (path.empty() || path == "/" || ::mkdir(path.c_str(), 0777) == 0)
    return {};
  int number = errno;
  if (number == ENOENT) {
    if (auto above = make_parents(path); !above)
      return above;
    if (::mkdir(path.c_str(), 0777) == 0)
      return {};
    number = errno;
  }
  struct stat found {};
  if (number == EEXIST && ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode))
    return {};
  return fail(os_error(number, path));
}

result<void> make_parents(const std::string& path) {
  const auto end = path.find_last_not_of('/');
  const auto slash = end == std::string::npos ? end : path.rfind('/', end);
  if (slash == std::string::npos || slash == 0)
    return {};
  return make_directories(path.substr(0, slash));
}

} // namespace sandfleet::agent::files
