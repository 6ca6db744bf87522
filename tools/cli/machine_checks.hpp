#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sandfleet::cli {

enum class health : std::uint8_t {
  good,
  limited, ///< sandboxes work, but something they could have is not there
  missing, ///< sandboxes do not work without it
  note,    ///< not there, and not needed
};

/// One thing that was looked at.
struct finding {
  std::string name;
  health state = health::good;
  std::string detail;
  std::string hint; ///< how to get it; empty when nothing is wanted
};

/// What the kernel and the system offer, found out by trying where that is possible. Forks: call it
/// before there are threads. `isolated` is false when namespaces are not going to be used.
[[nodiscard]] std::vector<finding> check_machine(bool isolated);

} // namespace sandfleet::cli
