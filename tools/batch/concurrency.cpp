#include "tools/batch/concurrency.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

namespace sandfleet::batch {

machine this_machine() {
  machine found;
  found.cores = std::max(1U, std::thread::hardware_concurrency());
  std::ifstream memory("/proc/meminfo");
  for (std::string name, unit; memory >> name; std::getline(memory, unit)) {
    std::int64_t kibibytes = 0;
    if (name == "MemAvailable:" && memory >> kibibytes)
      found.available_memory_mb = kibibytes / 1024;
  }
  return found;
}

std::size_t automatic_concurrency(const machine& host, std::int64_t sandbox_memory_mb) {
  const auto usable = host.available_memory_mb - host.available_memory_mb / 8;
  const auto by_memory = usable / std::max<std::int64_t>(sandbox_memory_mb, 1);
  const auto by_cores = static_cast<std::int64_t>(host.cores) * 2;
  return static_cast<std::size_t>(std::max<std::int64_t>(1, std::min(by_memory, by_cores)));
}

} // namespace sandfleet::batch
