#include "bench/support/idle_share.hpp"

#include <fstream>
#include <string>

namespace sandfleet::bench {

idle_share::idle_share() : begin_(now()) {}

double idle_share::so_far() const {
  const auto end = now();
  if (end.all <= begin_.all)
    return 0;
  return static_cast<double>(end.idle - begin_.idle) / static_cast<double>(end.all - begin_.all);
}

/// proc(5), /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal; what follows them is
/// counted in user and nice already.
idle_share::times idle_share::now() {
  constexpr int counted = 8;
  constexpr int idle = 3;
  constexpr int iowait = 4;
  std::ifstream in("/proc/stat");
  std::string name;
  in >> name;
  times seen;
  std::uint64_t ticks = 0;
  for (int i = 0; i < counted && in >> ticks; ++i) {
    seen.all += ticks;
    if (i == idle || i == iowait)
      seen.idle += ticks;
  }
  return seen;
}

} // namespace sandfleet::bench
