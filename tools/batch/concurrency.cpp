#include "tools/batch/concurrency.hpp"

#include "runtime/core/system_text.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace sandfleet::batch {

machine this_machine() {
  machine found;
  found.cores = std::max(1U, std::thread::hardware_concurrency());
  std::ifstream file("/proc/meminfo");
  const std::string memory(std::istreambuf_iterator<char>(file), {});
  found.available_memory_mb = core::named_number(memory, "MemAvailable").value_or(0) / 1024;
  return found;
}

std::size_t automatic_concurrency(const machine& host, std::int64_t sandbox_memory_mb) {
  const auto usable = host.available_memory_mb - host.available_memory_mb / 8;
  const auto by_memory = usable / std::max<std::int64_t>(sandbox_memory_mb, 1);
  const auto by_cores = static_cast<std::int64_t>(host.cores) * 2;
  return static_cast<std::size_t>(std::max<std::int64_t>(1, std::min(by_memory, by_cores)));
}

} // namespace sandfleet::batch
