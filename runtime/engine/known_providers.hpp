#pragma once

#include <sandfleet/ids.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandfleet::engine_detail {

/// Those of `names` that have had sandboxes in a state directory; empty: the usual one.
[[nodiscard]] std::vector<provider_name>
providers_with_state(std::string state_dir, std::span<const std::string_view> names);

} // namespace sandfleet::engine_detail
