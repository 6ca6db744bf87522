#include "tools/cli/command_line.hpp"

#include "runtime/core/text.hpp"
#include "tools/cli/help.hpp"
#include "tools/cli/setting_flags.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <unistd.h>

namespace sandfleet::cli {

namespace {

constexpr auto description =
    "Sandfleet starts sandboxes for agents and evaluations, runs commands in them, and takes\n"
    "them away again.\n";

constexpr auto footer = R"(Examples:
  sandfleet run -- echo hello              one command in a fresh sandbox
  sandfleet batch tasks.jsonl -o out.jsonl many tasks, a fresh sandbox each
  sandfleet run --rm=false --name pet      a sandbox that stays
  sandfleet exec pet -- ls                 one more command in it
  sandfleet shell pet                      a shell in it
  sandfleet doctor                         what works on this machine
  sandfleet config                         each setting, its value, and where it came from

Settings come from flags, then the environment (SANDFLEET_NAME, and OpenHands' names), then a
file (--config, $SANDFLEET_CONFIG, ./sandfleet.toml, ~/.config/sandfleet/config.toml or
/etc/sandfleet/config.toml), then the defaults. 'sandfleet COMMAND --help' says more.)";

constexpr auto json_logs_flag = "--json-logs";

struct globals {
  config::flag_layer flags;
  std::string config_file;
  bool quiet = false;
};

void add_globals(CLI::App& app, globals& given) {
  app.add_option("--config", given.config_file, "configuration file (TOML)")->type_name("FILE");
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&given](const std::vector<std::string>& pairs) {
           for (const auto& pair : pairs) {
             const auto equals = pair.find('=');
             if (equals == std::string::npos)
               throw CLI::ValidationError("--set", "'" + pair + "' is not of the form NAME=VALUE");
             given.flags.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
           }
         },
         "any setting that 'sandfleet config' lists; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  constexpr auto presentation =
      std::to_array<config::key>({config::key::output, config::key::color, config::key::log_level});
  add_setting_flags(app, presentation, given.flags);
  app.add_flag_callback(
      json_logs_flag, [&given] { given.flags.emplace_back("log_format", "json"); },
      "what is said on standard error becomes JSON, an object a line");
  app.add_flag_callback(
      "--quiet",
      [&given] {
        given.quiet = true;
        given.flags.emplace_back("log_level", "error");
      },
      "nothing on standard error but errors, and what commands write there");
}

/// "--flag" for what the user typed, without a value that is joined to it.
std::string flag_of(const std::string& word) {
  return word.substr(0, word.find('='));
}

/// What is said once of names that still work.
void tell_deprecated(const config::resolved& config) {
  std::vector<std::string_view> names;
  for (const auto& old : config.deprecated())
    if (std::ranges::find(names, old.name) == names.end())
      names.push_back(old.name);
  if (names.empty())
    return;
  const auto base = config.text(config::key::workspace_base);
  spdlog::warn("deprecated names=\"{}\" hint=\"say SANDBOX_VOLUMES={}:{}:rw instead\"",
               core::join(names, ", "), base.empty() ? "HOST" : base,
               config.text(config::key::workspace));
}

/// Before the configuration is known.
stream_look early_look(bool json) {
  auto look = look_of(STDERR_FILENO, "auto");
  look.json = json;
  return look;
}

int usage_error(const std::string& what, const std::string& hint, bool json) {
  print_error(make_error(errc::invalid_argument, what).with_hint(hint), early_look(json));
  return exit_status::engine_failure;
}

/// Names the words that nothing on the command line takes, with the nearest that something does.
int refuse(const std::string& word, const CLI::App& root, const CLI::App* named, bool json) {
  std::vector<std::string> known;
  const bool flag = word.starts_with("-");
  for (const auto* app : {&root, named}) {
    if (app == nullptr || !flag)
      continue;
    for (const auto* option : app->get_options())
      for (const auto& name : option->get_lnames())
        known.push_back("--" + name);
  }
  if (!flag && named == nullptr)
    for (const auto* sub : root.get_subcommands([](const CLI::App*) { return true; }))
      if (!sub->get_group().empty())
        known.push_back(sub->get_name());
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  const auto typed = flag ? flag_of(word) : word;
  const auto meant = core::nearest(typed, candidates);
  const std::string help =
      "'sandfleet " + (named ? named->get_name() + " " : std::string{}) + "--help' lists all";
  if (flag)
    return usage_error("the flag '" + typed + "' is not known",
                       meant ? "did you mean '" + std::string(*meant) + "'?" : help, json);
  if (named == nullptr)
    return usage_error("the command '" + word + "' is not known",
                       meant ? "did you mean '" + std::string(*meant) + "'?" : help, json);
  return usage_error("'" + word + "' is one word too many",
                     named->get_name() == "run"
                         ? "the command for the sandbox stands behind '--': sandfleet run -- " +
                               word
                         : help,
                     json);
}

result<cli_context> make_context(const globals& given, std::vector<std::string> behind) {
  config::sources sources;
  sources.flags = given.flags;
  if (!given.config_file.empty())
    sources.config_file = given.config_file;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string pair(*variable);
    if (const auto equals = pair.find('='); equals != std::string::npos)
      sources.environment.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  std::error_code failure;
  sources.directory = std::filesystem::current_path(failure).string();
  if (failure)
    return fail(
        errno_error(errc::io_error, "the working directory cannot be read", failure.value()));
  auto resolved = config::resolve(sources);
  if (!resolved)
    return fail(std::move(resolved.error()));
  cli_context context;
  context.output =
      resolved->text(config::key::output) == "json" ? output_mode::json : output_mode::table;
  const auto colour = resolved->text(config::key::color);
  context.out = look_of(STDOUT_FILENO, colour);
  context.err = look_of(STDERR_FILENO, colour);
  context.err.quiet = given.quiet;
  context.err.json = resolved->text(config::key::log_format) == "json";
  context.err.colour = context.err.colour && !context.err.json;
  context.config = std::move(*resolved);
  context.words = std::move(behind);
  return context;
}

} // namespace

int run_command_line(std::vector<std::string> words,
                     std::span<const std::unique_ptr<subcommand>> commands) {
  // What is behind "--" belongs to the sandbox: no parser of ours may look at it.
  const auto mark = std::ranges::find(words, "--");
  const bool marked = mark != words.end();
  std::vector<std::string> behind(marked ? mark + 1 : mark, words.end());
  words.erase(mark, words.end());
  const bool json = std::ranges::find(words, json_logs_flag) != words.end();

  CLI::App app(description, "sandfleet");
  app.require_subcommand(-1); // at most one: what follows are its words, whatever they are called
  app.formatter(std::make_shared<help_formatter>(help_formatter::usual_width()));
  app.footer(footer);
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("--version", "sandfleet " SANDFLEET_VERSION, "the version");
  app.fallthrough();
  app.allow_extras();
  globals given;
  add_globals(app, given);
  std::vector<CLI::App*> attached;
  for (const auto& command : commands)
    attached.push_back(command->attach(app, given.flags));

  try {
    std::ranges::reverse(words); // CLI11 takes them from the end
    app.parse(words);
  } catch (const CLI::Success& wanted) {
    return app.exit(wanted);
  } catch (const CLI::ParseError& failure) {
    return usage_error(failure.what(), "'sandfleet --help' says more", json);
  }
  const auto chosen = std::ranges::find_if(attached, [](const auto* sub) { return sub->parsed(); });
  const CLI::App* named = chosen == attached.end() ? nullptr : *chosen;
  for (const auto& word : app.remaining(true))
    return refuse(word, app, named, json);
  if (named == nullptr) {
    std::cerr << app.help();
    return exit_status::engine_failure;
  }
  auto& command = *commands[static_cast<std::size_t>(chosen - attached.begin())];
  if (marked && !command.takes_command())
    return usage_error("'--' has no meaning for '" + named->get_name() + "'", {}, json);

  auto context = make_context(given, std::move(behind));
  if (!context) {
    print_error(context.error(), early_look(json));
    return exit_status::engine_failure;
  }
  set_up_logging(context->config.text(config::key::log_level), context->err);
  tell_deprecated(context->config);
  return command.run(*context);
}

} // namespace sandfleet::cli
