#include <sandfleet/listing.hpp>

namespace sandfleet {

std::string_view to_string(listed_state state) noexcept {
  switch (state) {
  case listed_state::starting:
    return "starting";
  case listed_state::running:
    return "running";
  case listed_state::paused:
    return "paused";
  case listed_state::abandoned:
    return "abandoned";
  }
  return "unknown";
}

} // namespace sandfleet
