#include "tools/cli/setting_flags.hpp"

#include "runtime/config/setting_table.hpp"
#include "runtime/core/text.hpp"

#include <CLI/App.hpp>
#include <CLI/Option.hpp>

#include <array>

namespace sandfleet::cli {

namespace {

using config::key;

constexpr auto sandbox_keys = std::to_array<key>(
    {key::image, key::volumes, key::env, key::workspace, key::network, key::isolation, key::cpus,
     key::memory_mb, key::pids, key::disk_mb, key::provider});

std::string help_of(const config::setting_info& setting) {
  std::string text(setting.description);
  if (setting.kind == config::value_kind::env || setting.kind == config::value_kind::volumes)
    text += "; may be repeated";
  if (!setting.default_value.empty())
    text += " [" + std::string(setting.default_value) + "]";
  return text;
}

} // namespace

void add_setting_flags(CLI::App& app, std::span<const key> settings, config::flag_layer& flags,
                       const std::string& help) {
  for (const auto which : settings) {
    const auto& setting = config::info(which);
    app.add_option_function<std::vector<std::string>>(
           std::string(setting.flag),
           [&flags, name = std::string(setting.name)](const std::vector<std::string>& given) {
             for (const auto& text : given)
               flags.emplace_back(name, text);
           },
           help.empty() ? help_of(setting) : help)
        ->type_name(std::string(setting.placeholder))
        ->allow_extra_args(false);
  }
}

std::span<const key> sandbox_settings() noexcept {
  return sandbox_keys;
}

} // namespace sandfleet::cli
