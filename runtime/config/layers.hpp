#pragma once

#include "runtime/config/setting_table.hpp"

#include <sandfleet/error.hpp>
#include <sandfleet/spec.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sandfleet::config {

/// Where a value came from.
struct origin {
  enum class layer_kind : std::uint8_t { builtin, file, environment, flag };
  layer_kind layer = layer_kind::builtin;
  std::string where; ///< "--image", "SANDFLEET_IMAGE", "/etc/sandfleet/config.toml:3"

  [[nodiscard]] std::string to_string() const; ///< "flag --image"

  friend bool operator==(const origin&, const origin&) = default;
};

/// A value as a layer holds it: files have types, everything else is text.
using raw_data = std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>,
                              std::map<std::string, std::string>>;

/// A value that has been read and checked. Nothing: the setting has no value.
using value =
    std::variant<std::monostate, std::string, bool, std::int64_t, double, std::chrono::milliseconds,
                 std::vector<std::string>, std::vector<volume>, std::map<std::string, std::string>>;

/// What one source says about one setting.
struct assignment {
  key setting;
  value given;
  origin from;
};

/// What relative paths of this machine are relative to.
struct surroundings {
  std::string directory; ///< absolute
  std::string home;      ///< empty: unknown
};

/// Reads and checks one value. Errors: `invalid_configuration` naming the setting, `from`, and what
/// is allowed, with the name of the setting as evidence "setting"; values of the kinds `env`
/// and `object` are never quoted.
[[nodiscard]] result<value> read_value(const setting_info& setting, const raw_data& raw,
                                       const origin& from, const surroundings& where);

/// Reads "true", "1", "yes", "on" and their opposites, or a boolean.
[[nodiscard]] result<bool> read_boolean(std::string_view name, const raw_data& raw,
                                        const origin& from);

/// Lays `stronger` over `weaker`: by name for `env` and `object`, by path for
/// `volumes`, else as a whole.
/// True when something of `weaker` is left.
bool merge(value& weaker, value stronger);

/// Values of flags, as the command line had them, in its order.
using flag_layer = std::vector<std::pair<std::string, std::string>>;

/// Everything that configuration is made of; a test fills it in itself.
struct sources {
  flag_layer flags; ///< name of a setting → text; names are checked
  std::map<std::string, std::string> environment;
  std::optional<std::string> config_file; ///< of --config; must exist
  std::string directory;                  ///< for relative paths and ./sandfleet.toml
};

} // namespace sandfleet::config
