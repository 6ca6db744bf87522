#include "runtime/engine/known_providers.hpp"

#include "runtime/providers/registry.hpp"

#include <filesystem>

namespace sandfleet::engine_detail {

std::vector<provider_name> providers_with_state(std::string state_dir,
                                                std::span<const std::string_view> names) {
  if (state_dir.empty())
    state_dir = providers::default_state_dir();
  std::vector<provider_name> found;
  for (const auto name : names) {
    // The local provider has the directory itself, the others one each in it.
    const auto place = name == "local" ? state_dir : state_dir + "/" + std::string(name);
    std::error_code ignored;
    if (std::filesystem::is_directory(place + "/sandboxes", ignored))
      found.emplace_back(std::string(name));
  }
  return found;
}

} // namespace sandfleet::engine_detail
