#include "tools/cli/completion.hpp"

#include "runtime/config/setting_table.hpp"

#include <CLI/App.hpp>
#include <CLI/Option.hpp>

#include <algorithm>
#include <optional>

namespace sandfleet::cli {

namespace {

using config::value_kind;

/// Hidden commands have no group.
bool is_shown(const CLI::App& app) {
  return !app.get_group().empty();
}

bool is_positional(const CLI::Option& option) {
  return option.get_lnames().empty() && option.get_snames().empty();
}

bool takes_value(const CLI::Option& option) {
  return option.get_type_size() != 0;
}

/// The option that a word such as "--timeout", "--timeout=5" or "-t" names.
const CLI::Option* named_by(const std::string& word, std::span<const CLI::App* const> apps) {
  const auto name = word.substr(0, word.find('='));
  for (const auto* app : apps)
    for (const auto* option : app->get_options())
      if (!is_positional(*option) && option->check_name(name))
        return option;
  return nullptr;
}

const config::setting_info* setting_of(const CLI::Option& option) {
  for (const auto& setting : config::setting_table())
    for (const auto& name : option.get_lnames())
      if (setting.flag.ends_with("--" + name))
        return &setting;
  return nullptr;
}

void add_values(const config::setting_info& setting, const std::string& before, completion& to) {
  for (const auto value : setting.choices)
    to.words.push_back({before + std::string(value), {}});
  if (setting.name == "image")
    for (const char* image : {"host", "rootfs:/"})
      to.words.push_back({before + image, {}});
  if (setting.kind == value_kind::path || setting.kind == value_kind::volumes)
    to.also = shell_knows::files;
}

/// NAME=VALUE of any setting.
void complete_setting(const std::string& typed, const std::string& before, completion& to) {
  const auto equals = typed.find('=');
  if (equals == std::string::npos) {
    for (const auto& setting : config::setting_table())
      to.words.push_back(
          {before + std::string(setting.name) + "=", std::string(setting.description)});
    return;
  }
  const auto name = typed.substr(0, equals);
  to.before = before + name + "=";
  if (const auto which = config::find_setting(name))
    add_values(config::info(*which), to.before, to);
}

void complete_value(const CLI::Option& option, const std::string& typed, const std::string& before,
                    completion& to) {
  to.before = before;
  if (option.check_lname("set")) {
    complete_setting(typed, before, to);
    return;
  }
  if (const auto* setting = setting_of(option))
    add_values(*setting, before, to);
  const auto kind = option.get_type_name();
  if (kind.starts_with("FILE"))
    to.also = shell_knows::files;
  else if (kind == "DIR" && setting_of(option) == nullptr)
    to.also = shell_knows::directories;
}

void add_options(const CLI::App& app, completion& to) {
  for (const auto* option : app.get_options())
    if (!is_positional(*option) && !option->get_group().empty())
      for (const auto& name : option->get_lnames())
        to.words.push_back({"--" + name, option->get_description()});
}

/// The positional argument that is the `number`th, or the last when that takes many.
const CLI::Option* positional(const CLI::App& app, std::size_t number) {
  std::vector<const CLI::Option*> all;
  for (const auto* option : app.get_options())
    if (is_positional(*option))
      all.push_back(option);
  if (all.empty())
    return nullptr;
  if (number < all.size())
    return all[number];
  return all.back()->get_items_expected_max() > 1 ? all.back() : nullptr;
}

/// Follows the words before the cursor.
class reader {
 public:
  explicit reader(const CLI::App& root) : apps_{&root} {}

  void read(const std::string& word) {
    if (behind_) {
      ++command_words_;
    } else if (word == "--") {
      behind_ = true;
    } else if (waiting_ != nullptr) {
      waiting_ = nullptr;
    } else if (word.starts_with("-") && word != "-") {
      const auto* option = named_by(word, apps_);
      if (option != nullptr && takes_value(*option) && word.find('=') == std::string::npos)
        waiting_ = option;
    } else if (apps_.size() == 1) {
      for (const auto* sub : apps_.front()->get_subcommands([](const CLI::App*) { return true; }))
        if (sub->check_name(word)) {
          apps_.insert(apps_.begin(), sub);
          break;
        }
    } else {
      ++positionals_;
    }
  }

  completion at(const std::string& word, const sandbox_source& sandboxes) const {
    completion found;
    if (behind_) {
      found.also = command_words_ == 0 ? shell_knows::commands : shell_knows::files;
    } else if (waiting_ != nullptr) {
      complete_value(*waiting_, word, "", found);
    } else if (word.starts_with("-")) {
      complete_option(word, found);
    } else if (apps_.size() == 1) {
      for (const auto* sub : apps_.front()->get_subcommands([](const CLI::App*) { return true; }))
        if (is_shown(*sub))
          found.words.push_back({sub->get_name(), sub->get_description()});
    } else {
      complete_positional(found, sandboxes);
    }
    std::erase_if(found.words, [&](const auto& one) { return !one.text.starts_with(word); });
    return found;
  }

 private:
  void complete_option(const std::string& word, completion& found) const {
    const auto equals = word.find('=');
    const auto* option = equals == std::string::npos ? nullptr : named_by(word, apps_);
    if (option != nullptr) {
      complete_value(*option, word.substr(equals + 1), word.substr(0, equals + 1), found);
      return;
    }
    for (const auto* app : apps_)
      add_options(*app, found);
  }

  void complete_positional(completion& found, const sandbox_source& sandboxes) const {
    const auto* wanted = positional(*apps_.front(), positionals_);
    if (wanted == nullptr)
      return;
    const auto name = wanted->get_name(true);
    if (name == "SANDBOX")
      found.words = sandboxes();
    else if (name == "SHELL")
      for (const char* shell : {"bash", "zsh", "fish"})
        found.words.push_back({shell, {}});
    else
      found.also = shell_knows::files;
  }

  std::vector<const CLI::App*> apps_; ///< the command, when it is known, and the program
  const CLI::Option* waiting_ = nullptr;
  bool behind_ = false; ///< "--"
  std::size_t command_words_ = 0;
  std::size_t positionals_ = 0;
};

} // namespace

completion complete(const CLI::App& root, std::span<const std::string> words,
                    const sandbox_source& sandboxes) {
  if (words.empty())
    return {};
  reader before(root);
  for (const auto& word : words.first(words.size() - 1))
    before.read(word);
  return before.at(words.back(), sandboxes);
}

std::string to_lines(const completion& found) {
  std::string lines;
  for (const auto& one : found.words)
    lines += one.text + "\t" + one.description + "\n";
  switch (found.also) {
  case shell_knows::files:
    return lines + ":files\t" + found.before + "\n";
  case shell_knows::directories:
    return lines + ":directories\t" + found.before + "\n";
  case shell_knows::commands:
    return lines + ":commands\t" + found.before + "\n";
  case shell_knows::nothing:
    break;
  }
  return lines;
}

} // namespace sandfleet::cli
