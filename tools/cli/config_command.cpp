#include "tools/cli/commands.hpp"
#include "tools/cli/table.hpp"

#include <CLI/App.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <iostream>

namespace sandfleet::cli {

namespace {

using config::entry;
using config::key;
using config::origin;

std::string sources_text(const std::vector<origin>& from) {
  std::string text;
  for (const auto& source : from)
    text += (text.empty() ? "" : "; ") + source.to_string();
  return text;
}

/// Numbers stay numbers; everything else is as the table shows it, which masks secrets.
boost::json::value json_value(const config::resolved& config, key which) {
  const auto& held = config.at(which).held;
  if (std::holds_alternative<std::monostate>(held))
    return nullptr;
  if (const auto* whole = std::get_if<std::int64_t>(&held))
    return *whole;
  if (const auto* number = std::get_if<double>(&held))
    return *number;
  return boost::json::string(config.shown(which));
}

void print_json(const config::resolved& config) {
  boost::json::array settings;
  for (std::size_t i = 0; i < config::key_count; ++i) {
    const auto which = static_cast<key>(i);
    const auto& setting = config::info(which);
    boost::json::array from;
    for (const auto& source : config.at(which).from)
      from.emplace_back(source.to_string());
    settings.emplace_back(boost::json::object{
        {"name", setting.name},
        {"value", json_value(config, which)},
        {"from", std::move(from)},
        {"variable", config::own_variable(setting)},
        {"allowed", config::allowed_values(setting)},
        {"description", setting.description},
    });
  }
  boost::json::array ignored;
  for (const auto& name : config.ignored())
    ignored.emplace_back(boost::json::object{{"name", name.name}, {"from", name.from.to_string()}});
  boost::json::array deprecated;
  for (const auto& name : config.deprecated())
    deprecated.emplace_back(
        boost::json::object{{"name", name.name}, {"from", name.from.to_string()}});
  boost::json::object all{{"settings", std::move(settings)},
                          {"ignored", std::move(ignored)},
                          {"deprecated", std::move(deprecated)}};
  all["file"] = config.file() ? boost::json::value(*config.file()) : boost::json::value(nullptr);
  std::cout << boost::json::serialize(all) << '\n';
}

void print_text(const cli_context& context) {
  const auto& config = context.config;
  std::vector<std::vector<cell>> rows;
  for (std::size_t i = 0; i < config::key_count; ++i) {
    const auto which = static_cast<key>(i);
    const auto& from = config.at(which).from;
    const auto shown = config.shown(which);
    const bool changed = !from.empty() && from.front().layer != origin::layer_kind::builtin;
    rows.push_back({{std::string(config::info(which).name)},
                    {shown.empty() ? "-" : shown, changed ? tone::good : tone::plain},
                    {from.empty() ? "not set" : sources_text(from), tone::dim}});
  }
  print_table(std::cout, {"SETTING", "VALUE", "FROM"}, rows, context.out);
  std::cout << "\nfile: " << (config.file() ? printable(*config.file()) : "none was found") << '\n';
  if (!config.ignored().empty()) {
    std::cout << "\nnames of OpenHands that mean nothing here:\n";
    for (const auto& name : config.ignored())
      std::cout << "  " << printable(name.name) << "  "
                << painted(printable(name.from.to_string()), tone::dim, context.out) << '\n';
  }
}

class config_command : public subcommand {
 public:
  CLI::App* attach(CLI::App& root, config::flag_layer&) override {
    auto* app = root.add_subcommand("config", "show each setting, its value, where it came from");
    app->footer(R"(Examples:
  sandfleet config
  sandfleet config --output json
  sandfleet --config config.toml config    what an OpenHands file means here
  SANDFLEET_TIMEOUT=5m sandfleet config

Values of 'env' are never shown. The exit status is 0 when the settings are good together.)");
    return app;
  }

  int run(const cli_context& context) override {
    if (context.output == output_mode::json)
      print_json(context.config);
    else
      print_text(context);
    std::cout.flush();
    const auto usable = context.config.engine_settings();
    if (usable)
      return exit_status::success;
    print_error(usable.error(), context.err);
    return exit_status::engine_failure;
  }
};

} // namespace

std::unique_ptr<subcommand> make_config_command() {
  return std::make_unique<config_command>();
}

} // namespace sandfleet::cli
