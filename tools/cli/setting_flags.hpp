#pragma once

#include "runtime/config/layers.hpp"

#include <span>
#include <string>

namespace CLI {
class App;
}

namespace sandfleet::cli {

/// Adds to `app` the flags of these settings, as the setting table describes them; what the user
/// gives is appended to `flags`, which must outlive `app`. `help`: instead of the table's.
void add_setting_flags(CLI::App& app, std::span<const config::key> settings,
                       config::flag_layer& flags, const std::string& help = {});

/// The settings that describe a sandbox: image, volumes, env, network, isolation, workspace and
/// the limits.
[[nodiscard]] std::span<const config::key> sandbox_settings() noexcept;

} // namespace sandfleet::cli
