#include "runtime/config/resolve.hpp"

#include "runtime/config/toml_reader.hpp"
#include "runtime/core/text.hpp"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::config {

namespace {

using layer_kind = origin::layer_kind;

constexpr std::string_view own_section = "sandfleet";
constexpr std::string_view sandbox_env_prefix = "SANDBOX_ENV_";

/// Variables with our prefix that are no settings: the file, and where tests find the programs.
constexpr auto reserved_variables =
    std::to_array<std::string_view>({"SANDFLEET_CONFIG", "SANDFLEET_BIN"});
constexpr std::string_view test_variable_prefix = "SANDFLEET_TEST_";

tl::unexpected<error> unknown(const std::string& what, std::string_view word,
                              const std::vector<std::string_view>& known, std::string otherwise) {
  const auto meant = core::nearest(word, known);
  return fail(
      make_error(errc::invalid_configuration, what + " is not known")
          .with_hint(meant ? "did you mean '" + std::string(*meant) + "'?" : std::move(otherwise)));
}

std::vector<std::string_view> setting_names() {
  std::vector<std::string_view> names;
  for (const auto& setting : setting_table())
    names.push_back(setting.name);
  return names;
}

/// Gathers what the layers say, weakest first, so that the merge is one pass.
class collector {
 public:
  explicit collector(const sources& given)
      : given_(given), where_{given.directory, variable("HOME").value_or("")} {}

  result<void> builtin() {
    for (const auto& setting : setting_table())
      if (!setting.default_value.empty())
        if (auto added = add(setting, std::string(setting.default_value), {}); !added)
          return added;
    return {};
  }

  result<void> file() {
    auto path = find_file();
    if (!path)
      return fail(path.error());
    if (!*path)
      return {};
    file_ = **path;
    auto text = read_small_file(*file_);
    if (!text)
      return fail(text.error());
    auto entries = parse_toml(*text, *file_);
    if (!entries)
      return fail(entries.error());
    std::map<std::string, const file_entry*> by_path;
    for (const auto& entry : *entries) {
      if (auto checked = check_file_key(entry); !checked)
        return checked;
      by_path.emplace(entry.path(), &entry);
    }
    for (const auto& setting : setting_table())
      if (auto added = add_from_file(setting, by_path); !added)
        return added;
    return {};
  }

  result<void> environment() {
    for (const auto& [name, text] : given_.environment)
      if (auto checked = check_variable(name); !checked)
        return checked;
    for (const auto& setting : setting_table())
      if (auto added = add_from_environment(setting); !added)
        return added;
    return {};
  }

  /// Of two flags that say different things about one setting, neither is what was meant for sure.
  result<void> flags() {
    std::map<key, std::string_view> before;
    std::vector<std::string> volumes; // one list: no two of them may have the same place
    for (const auto& [name, text] : given_.flags) {
      const auto which = find_setting(name);
      if (!which)
        return unknown("the setting '" + name + "' (flag --set)", name, setting_names(),
                       "'sandfleet config' lists all settings");
      const auto& setting = info(*which);
      const bool many = setting.kind == value_kind::env || setting.kind == value_kind::volumes ||
                        setting.kind == value_kind::object;
      const origin from{layer_kind::flag, flag_name(setting)};
      if (const auto [known, first] = before.emplace(*which, text);
          !many && !first && known->second != text)
        return fail(make_error(errc::invalid_configuration,
                               std::string(setting.name) + ": '" + std::string(known->second) +
                                   "' and '" + text + "' contradict each other")
                        .with_cause("the " + from.to_string() + " is given twice")
                        .with_hint("give it once")
                        .with("setting", std::string(setting.name)));
      if (*which == key::volumes) {
        volumes.emplace_back(text);
        continue;
      }
      const raw_data raw = many && setting.kind != value_kind::object
                               ? raw_data(std::vector<std::string>{text})
                               : raw_data(std::string(text));
      if (auto added = add(setting, raw, from); !added)
        return added;
    }
    const auto& setting = info(key::volumes);
    const origin from{layer_kind::flag, flag_name(setting)};
    return volumes.empty() ? result<void>() : add(setting, raw_data(std::move(volumes)), from);
  }

  std::vector<assignment> assignments;
  std::vector<named_origin> ignored;
  std::vector<named_origin> deprecated;

  /// Whoever says SANDBOX_VOLUMES has no workspace mounted beside them, as with OpenHands.
  [[nodiscard]] bool base_is_superseded() const { return base_is_old_ && has_volumes_; }

  [[nodiscard]] const std::optional<std::string>& file_path() const { return file_; }

 private:
  /// Empty counts as not set, as with OpenHands.
  [[nodiscard]] std::optional<std::string> variable(std::string_view name) const {
    const auto found = given_.environment.find(std::string(name));
    if (name.empty() || found == given_.environment.end() || found->second.empty())
      return std::nullopt;
    return found->second;
  }

  static std::string flag_name(const setting_info& setting) {
    if (setting.flag.empty())
      return "--set " + std::string(setting.name);
    return std::string(core::split(setting.flag, ',').back());
  }

  result<void> add(const setting_info& setting, const raw_data& raw, const origin& from) {
    auto read = read_value(setting, raw, from, where_);
    if (!read)
      return fail(read.error());
    if (setting.name == info(key::workspace_base).name)
      base_is_old_ = false;
    assignments.push_back({*find_setting(setting.name), std::move(*read), from});
    return {};
  }

  /// A value under a name that OpenHands gave.
  result<void> add_alias(const setting_info& setting, const alias& other, const raw_data& raw,
                         const origin& from) {
    if (const auto* text = std::get_if<std::string>(&raw); text && text->empty())
      return {};
    if (other.meaning == alias_meaning::same) {
      auto added = add(setting, raw, from);
      has_volumes_ = has_volumes_ || setting.kind == value_kind::volumes;
      base_is_old_ = base_is_old_ || setting.name == info(key::workspace_base).name;
      if (other.deprecated)
        deprecated.push_back({std::string(other.environment), from});
      return added;
    }
    auto holds = read_boolean(setting.name, raw, from);
    if (!holds)
      return fail(holds.error());
    return *holds ? add(setting, std::string(other.word), from) : result<void>{};
  }

  result<void> add_from_environment(const setting_info& setting) {
    for (auto other = setting.aliases.rbegin(); other != setting.aliases.rend(); ++other)
      if (auto text = variable(other->environment)) {
        if (other->environment == agent_image_variable)
          *text += ":" + variable(agent_image_tag_variable).value_or("latest");
        const origin from{layer_kind::environment, std::string(other->environment)};
        if (auto added = add_alias(setting, *other, *text, from); !added)
          return added;
      }
    if (setting.kind == value_kind::env)
      for (const auto& [name, text] : given_.environment)
        if (name.starts_with(sandbox_env_prefix) && name.size() > sandbox_env_prefix.size())
          if (auto added = add(setting,
                               std::map<std::string, std::string>{
                                   {name.substr(sandbox_env_prefix.size()), text}},
                               {layer_kind::environment, name});
              !added)
            return added;
    const auto own = own_variable(setting);
    const auto text = variable(own);
    return text ? add(setting, *text, {layer_kind::environment, own}) : result<void>{};
  }

  result<void> check_variable(const std::string& name) {
    if (const auto key = ignored_key_of(name); key && variable(name)) {
      ignored.push_back({name, {layer_kind::environment, name}});
      return {};
    }
    if (!name.starts_with(own_variable_prefix) || name.starts_with(test_variable_prefix) ||
        std::ranges::find(reserved_variables, name) != reserved_variables.end())
      return {};
    std::vector<std::string> owners;
    for (const auto& setting : setting_table())
      owners.push_back(own_variable(setting));
    if (std::ranges::find(owners, name) != owners.end())
      return {};
    std::vector<std::string_view> known(owners.begin(), owners.end());
    known.insert(known.end(), reserved_variables.begin(), reserved_variables.end());
    return unknown("the environment variable " + name, name, known,
                   "'sandfleet config' lists all settings; unset it");
  }

  /// SANDBOX_X is OpenHands' variable for the key sandbox.x of its file.
  static std::optional<std::string_view> ignored_key_of(const std::string& variable_name) {
    if (!variable_name.starts_with("SANDBOX_"))
      return std::nullopt;
    const auto path = "sandbox." + core::to_lower(variable_name.substr(8));
    const auto keys = ignored_file_keys();
    const auto found = std::ranges::find(keys, path);
    return found == keys.end() ? std::nullopt : std::optional(*found);
  }

  [[nodiscard]] origin place_of(const file_entry& entry) const {
    return {layer_kind::file, *file_ + ":" + std::to_string(entry.line)};
  }

  result<void> add_from_file(const setting_info& setting,
                             const std::map<std::string, const file_entry*>& by_path) {
    const auto entry_at = [&](const std::string& path) -> const file_entry* {
      const auto found = by_path.find(path);
      return found == by_path.end() ? nullptr : found->second;
    };
    for (auto other = setting.aliases.rbegin(); other != setting.aliases.rend(); ++other)
      if (const auto* entry = entry_at(std::string(other->file_key))) {
        auto data = data_of(setting, *entry);
        if (!data)
          return fail(data.error());
        if (auto added = add_alias(setting, *other, *data, place_of(*entry)); !added)
          return added;
      }
    const auto* own = entry_at(std::string(own_section) + "." + std::string(setting.name));
    if (!own)
      return {};
    auto data = data_of(setting, *own);
    return data ? add(setting, *data, place_of(*own)) : fail(data.error());
  }

  [[nodiscard]] result<raw_data> data_of(const setting_info& setting,
                                         const file_entry& entry) const {
    if (setting.kind == value_kind::object && !entry.table_json.empty())
      return entry.table_json;
    if (entry.data)
      return *entry.data;
    return fail(make_error(errc::invalid_configuration,
                           std::string(setting.name) + ": the value (" +
                               place_of(entry).to_string() + ") is of a type that does not fit")
                    .with_cause("allowed: " + allowed_values(setting))
                    .with("setting", std::string(setting.name)));
  }

  result<void> check_file_key(const file_entry& entry) {
    const auto sections = ignored_sections();
    const auto keys = ignored_file_keys();
    const auto path = entry.path();
    if (std::ranges::find(sections, entry.section) != sections.end() ||
        std::ranges::find(sections, path) != sections.end() ||
        std::ranges::find(keys, path) != keys.end()) {
      ignored.push_back({path, place_of(entry)});
      return {};
    }
    std::vector<std::string> known_paths;
    for (const auto& setting : setting_table()) {
      known_paths.push_back(std::string(own_section) + "." + std::string(setting.name));
      for (const auto& other : setting.aliases)
        known_paths.emplace_back(other.file_key);
    }
    if (std::ranges::find(known_paths, path) != known_paths.end())
      return {};
    const auto place = *file_ + ":" + std::to_string(entry.line) + ": ";
    if (entry.section.empty())
      return unknown(place + "the key '" + path + "' before any section", path, {},
                     find_setting(path) ? "write it below a line [sandfleet]"
                                        : "our settings stand below a line [sandfleet]");
    std::vector<std::string_view> known(known_paths.begin(), known_paths.end());
    known.insert(known.end(), keys.begin(), keys.end());
    return unknown(place + "the key '" + path + "'", path, known,
                   "'sandfleet config' lists all settings");
  }

  /// The file that was named, else the first that exists of the usual ones.
  [[nodiscard]] result<std::optional<std::string>> find_file() const {
    if (given_.config_file)
      return given_.config_file;
    if (auto named = variable("SANDFLEET_CONFIG"))
      return named;
    auto here = given_.directory + "/sandfleet.toml";
    if (struct stat info{}; ::stat(here.c_str(), &info) == 0) {
      // A file that came with someone else's directory could name programs to run.
      if (info.st_uid != ::geteuid() && info.st_uid != 0)
        return fail(make_error(errc::permission_denied, here + " belongs to another user")
                        .with("uid", static_cast<std::int64_t>(info.st_uid))
                        .with_hint("when you trust it, name it: --config " + here));
      return here;
    }
    std::vector<std::string> usual;
    if (const auto base = variable("XDG_CONFIG_HOME"))
      usual.push_back(*base + "/sandfleet/config.toml");
    else if (!where_.home.empty())
      usual.push_back(where_.home + "/.config/sandfleet/config.toml");
    usual.emplace_back("/etc/sandfleet/config.toml");
    for (const auto& path : usual)
      if (::access(path.c_str(), F_OK) == 0)
        return path;
    return std::nullopt;
  }

  const sources& given_;
  surroundings where_;
  std::optional<std::string> file_;
  bool base_is_old_ = false; ///< said by a name of OpenHands
  bool has_volumes_ = false; ///< likewise
};

} // namespace

result<resolved> resolve(const sources& given) {
  collector all(given);
  for (auto layer :
       {&collector::builtin, &collector::file, &collector::environment, &collector::flags})
    if (auto read = (all.*layer)(); !read)
      return fail(read.error());
  resolved outcome;
  for (auto& [setting, held, from] : all.assignments) {
    auto& entry = outcome.entries_[static_cast<std::size_t>(setting)];
    if (!merge(entry.held, std::move(held)))
      entry.from.clear();
    entry.from.insert(entry.from.begin(), std::move(from));
  }
  outcome.file_ = all.file_path();
  outcome.ignored_ = std::move(all.ignored);
  outcome.deprecated_ = std::move(all.deprecated);
  outcome.base_is_superseded_ = all.base_is_superseded();
  return outcome;
}

} // namespace sandfleet::config
