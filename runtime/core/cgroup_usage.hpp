#pragma once

#include <sandfleet/usage.hpp>

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace sandfleet::core {

/// What the control group of version 2 is called, below a sandbox's own, that holds all that its
/// agent starts.
inline constexpr std::string_view commands_group = "/commands";

/// The text of a file; empty when it cannot be read.
using text_source = std::function<std::string(const std::string& path)>;

/// What the kernel has counted for a sandbox whose control groups are `dirs`, of version 2 or,
/// in several hierarchies, of version 1, those below others included; their files' names tell them
/// apart. What a kernel does not
/// count, or is not limited, is left out.
[[nodiscard]] resource_usage cgroup_usage(std::span<const std::string> dirs,
                                          const text_source& read);

/// The number behind `name` in lines of the form "name number"; `fallback` when it is not there.
[[nodiscard]] long long keyed_number(std::string_view text, std::string_view name,
                                     long long fallback);

} // namespace sandfleet::core
