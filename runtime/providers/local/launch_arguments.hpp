#pragma once

#include "runtime/providers/local_provider.hpp"

#include <sandfleet/ids.hpp>
#include <sandfleet/spec.hpp>

#include <string>
#include <string_view>

namespace sandfleet::providers::local {

/// The launcher's NUL-separated list for a sandbox. `caller_path` is this process's PATH, which a
/// sandbox without isolation shares. Fails (class task) when the local provider cannot do what the
/// specification wants.
[[nodiscard]] result<std::string> launch_arguments(const sandbox_id& id, const sandbox_spec& spec,
                                                   const local_settings& settings,
                                                   const std::string& dir,
                                                   const std::string& session_key,
                                                   std::string_view caller_path);

[[nodiscard]] isolation_mode isolation_of(const sandbox_spec& spec, const local_settings& settings);

} // namespace sandfleet::providers::local
