#include "runtime/core/cgroup_removal.hpp"

#include <cerrno>
#include <ctime>
#include <unistd.h>

namespace sandfleet::core {

bool remove_cgroup(const std::string& dir) {
  constexpr int attempts = 200;
  constexpr timespec pause{0, 1'000'000};
  for (int i = 0; i < attempts; ++i) {
    if (::rmdir(dir.c_str()) == 0 || errno == ENOENT)
      return true;
    if (errno != EBUSY)
      return false;
    ::nanosleep(&pause, nullptr);
  }
  return false;
}

} // namespace sandfleet::core
