#include "tools/cli/manual.hpp"

#include "runtime/config/setting_table.hpp"
#include "runtime/core/text.hpp"
#include "tools/cli/help.hpp"

#include <CLI/App.hpp>
#include <CLI/Option.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace sandfleet::cli {

namespace {

/// How roff writes a character that means more to it than itself; empty for others.
constexpr std::string_view escape_of(char c) {
  switch (c) {
  case '\\':
    return "\\e";
  case '-':
    return "\\-";
  case '\'':
    return "\\(aq";
  case '`':
    return "\\(ga";
  case '^':
    return "\\(ha";
  case '~':
    return "\\(ti";
  case '"':
    return "\\(dq";
  default:
    return {};
  }
}

std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto escape = escape_of(c);
    out += escape.empty() ? std::string_view(&c, 1) : escape;
  }
  return out;
}

/// A line of text, which must not look like a request.
std::string line(std::string_view text) {
  auto out = plain(text);
  if (out.starts_with('.'))
    out.insert(0, "\\&");
  return out + "\n";
}

std::string bold(std::string_view text) {
  return "\\fB" + plain(text) + "\\fR";
}

std::string italic(std::string_view text) {
  return "\\fI" + plain(text) + "\\fR";
}

std::string sentence(std::string text) {
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z')
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text + ".";
}

/// What the usage of a command ends with.
std::string usage_end_of(const CLI::App& command) {
  const auto formatter = std::dynamic_pointer_cast<help_formatter>(command.get_formatter());
  return formatter ? formatter->usage_end() : std::string();
}

bool is_positional(const CLI::Option& option) {
  return option.get_lnames().empty() && option.get_snames().empty();
}

std::string names_of(const CLI::Option& option) {
  if (is_positional(option))
    return italic(option.get_name(true));
  std::string names;
  const auto add = [&](const std::string& name) {
    names += (names.empty() ? "" : ", ") + bold(name);
  };
  for (const auto& name : option.get_snames())
    add("-" + name);
  for (const auto& name : option.get_lnames())
    add("--" + name);
  if (option.get_type_size() != 0)
    names += " " + italic(option.get_type_name());
  return names;
}

std::string options_of(const CLI::App& app) {
  std::string text;
  for (const auto* option : app.get_options())
    if (!option->get_group().empty())
      text += ".TP\n" + names_of(*option) + "\n" + line(option->get_description());
  return text;
}

/// The usage without what is optional by nature.
std::string synopsis_of(const CLI::App& app) {
  std::string text = bold("sandfleet " + app.get_name()) + " [" + italic("OPTION") + "...]";
  for (const auto* option : app.get_options()) {
    if (!is_positional(*option))
      continue;
    const auto name =
        italic(option->get_name(true)) + (option->get_items_expected_max() > 1 ? "..." : "");
    text += option->get_required() ? " " + name : " [" + name + "]";
  }
  if (const auto end = usage_end_of(app); !end.empty())
    text += " " + plain(end);
  return text + "\n";
}

constexpr std::string_view first_paragraph = ".PP\n"; // is in the way behind a heading

/// Footers are paragraphs; what is indented by two blanks stands as it is.
std::string paragraphs(const std::string& footer) {
  std::string text;
  bool as_it_is = false;
  bool apart = true;
  for (const auto part : core::split(footer, '\n')) {
    const bool indented = part.starts_with("  ");
    if (part.empty()) {
      apart = true;
      continue;
    }
    if (as_it_is && !indented)
      text += ".fi\n.RE\n";
    if (apart || as_it_is != indented)
      text += indented && !as_it_is ? ".PP\n.RS 2\n.nf\n" : indented ? "" : ".PP\n";
    as_it_is = indented;
    apart = false;
    text += line(indented ? part.substr(2) : part);
  }
  return text + (as_it_is ? ".fi\n.RE\n" : "");
}

std::string settings() {
  std::string text = ".SH SETTINGS\n" +
                     line("Each can be given by its flag or by --set NAME=VALUE, by its variable, "
                          "and in the section [sandfleet] of a file.");
  for (const auto& setting : config::setting_table()) {
    text += ".TP\n" + bold(setting.name) + "\n" + line(setting.description);
    text += ".br\n" + plain("Variable ") + bold(config::own_variable(setting));
    if (!setting.flag.empty())
      text += plain(", flag ") + bold(setting.flag);
    if (!setting.default_value.empty())
      text += plain(", default ") + bold(setting.default_value);
    text += plain(". Allowed: " + config::allowed_values(setting) + ".") + "\n";
  }
  return text;
}

constexpr std::string_view files = R"(.SH FILES
.TP
.I ./sandfleet.toml, \(ti/.config/sandfleet/config.toml, /etc/sandfleet/config.toml
The configuration: the first that there is, unless
.B \-\-config
or
.B SANDFLEET_CONFIG
names another.
.TP
.I /run/sandfleet, $XDG_RUNTIME_DIR/sandfleet, /tmp/sandfleet\-UID
The state directory of root and of others: the sandboxes that run, with their sockets.
)";

constexpr std::string_view exit_status = R"(.SH EXIT STATUS
.TP
.B 0
Success; of
.BR run ,
.B exec
and
.BR shell ,
that of the command.
.TP
.B 1
A part of what was asked for did not succeed: a task of a batch, a sandbox to stop.
.TP
.B 124
The command ran out of time.
.TP
.B 125
Sandfleet itself failed, or the command line or the configuration is wrong.
.TP
.BR 126 ", " 127
The command cannot be run, or is not there.
.TP
.BI 128+ N
Signal
.I N
ended the command, or sandfleet.
)";

} // namespace

std::string manual_page(const CLI::App& root, const std::string& version, const std::string& date) {
  std::vector<const CLI::App*> commands;
  for (const auto* sub : root.get_subcommands([](const CLI::App*) { return true; }))
    if (!sub->get_group().empty())
      commands.push_back(sub);

  std::string page =
      ".TH SANDFLEET 1 \"" + date + "\" \"Sandfleet " + version + "\" \"Sandfleet Manual\"\n";
  page += ".SH NAME\nsandfleet \\- run commands and batches of tasks in isolated sandboxes\n";
  page += ".SH SYNOPSIS\n";
  for (const auto* command : commands)
    page += (command == commands.front() ? "" : ".br\n") + synopsis_of(*command);
  page += ".SH DESCRIPTION\n" + paragraphs(root.get_description()).substr(first_paragraph.size());
  for (const auto* command : commands)
    page += ".SS " + plain("sandfleet " + command->get_name()) + "\n" +
            line(sentence(command->get_description())) + options_of(*command) +
            paragraphs(command->get_footer());
  page += ".SH OPTIONS OF ALL COMMANDS\n" + options_of(root);
  page += settings();
  page += exit_status;
  page += files;
  return page;
}

} // namespace sandfleet::cli
