#include "tools/cli/help.hpp"

#include "runtime/core/text.hpp"
#include "tools/cli/context.hpp"

#include <CLI/App.hpp>
#include <CLI/Option.hpp>

#include <algorithm>
#include <unistd.h>

namespace sandfleet::cli {

std::size_t help_formatter::usual_width() {
  constexpr unsigned widest = 110;
  return std::min(look_of(STDOUT_FILENO, "never").width, widest);
}

std::string help_formatter::make_usage(const CLI::App* app, std::string name) const {
  auto text = CLI::Formatter::make_usage(app, std::move(name));
  if (!usage_end_.empty())
    text.insert(text.find_last_not_of('\n') + 1, " " + usage_end_);
  return text;
}

std::string help_formatter::row(const std::string& name, const std::string& description) const {
  const std::string margin(flag_column, ' ');
  std::string line = "  " + name;
  // A flag that reaches into the column of descriptions gets a line of its own.
  std::string text = line.size() + 2 > flag_column ? line + "\n" : std::string{};
  line = text.empty() ? line + margin.substr(line.size()) : margin;
  for (const auto word : core::split(description, ' ')) {
    if (line.size() > flag_column && line.size() + 1 + word.size() > width_) {
      text += line + "\n";
      line = margin;
    }
    line += (line.size() > flag_column ? " " : "") + std::string(word);
  }
  return text + line + "\n";
}

std::string help_formatter::make_option(const CLI::Option* option, bool is_positional) const {
  return row(make_option_name(option, is_positional) + make_option_opts(option),
             make_option_desc(option));
}

std::string help_formatter::make_option_opts(const CLI::Option* option) const {
  return option->get_type_size() == 0 ? std::string{} : " " + option->get_type_name();
}

std::string help_formatter::make_subcommand(const CLI::App* sub) const {
  return row(sub->get_name(), sub->get_description());
}

} // namespace sandfleet::cli
