#include "sandbox_agent/options.hpp"

#include "runtime/core/text.hpp"
#include "sandbox_agent/files/file_text.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <unistd.h>

namespace sandfleet::agent {

namespace {

constexpr std::array<std::string_view, 3> known_plugins{"jupyter", "agent_skills", "vscode"};
constexpr std::string_view default_host = "0.0.0.0"; // as the reference; README.md says how to bind
constexpr std::int64_t highest_id = 0xFFFFFFFE;      // the one above means "unchanged"
constexpr std::size_t longest_name = 255;

tl::unexpected<error> bad(const std::string& what, const std::string& why) {
  return fail(make_error(errc::invalid_argument, what + ": " + why)
                  .with_hint("sandfleet-agent --help shows the arguments"));
}

bool can_name_a_user(std::string_view name) {
  const auto fits = [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != ':' && c != '/' && c != '\x7f';
  };
  return name.size() <= longest_name && name.front() != '-' && name != "." && name != ".." &&
         std::ranges::all_of(name, fits);
}

class parser {
 public:
  explicit parser(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  result<options> run() {
    while (next_ < arguments_.size()) {
      const auto& argument = arguments_[next_++];
      const bool is_flag = argument.starts_with("--") || argument == "-h";
      const auto done =
          is_flag ? read_flag(argument == "-h" ? "--help" : argument) : read_port(argument);
      if (!done)
        return tl::unexpected(done.error());
      if (read_.help)
        return std::move(read_);
    }
    if (!read_.enable_browser && !read_.browsergym_eval_env.empty())
      return bad("--no-enable-browser",
                 "Browser environment is not enabled in config, but browsergym_eval_env is set");
    if (listeners_ != 1)
      return bad("where to listen",
                 "exactly one of PORT, --unix, --listen-fd and --listen-from must be given");
    if (auto* tcp = std::get_if<transport::tcp_endpoint>(&read_.listen))
      tcp->host = host_;
    return std::move(read_);
  }

 private:
  result<std::string> value(const std::string& flag) {
    if (inline_value_)
      return *inline_value_;
    if (next_ == arguments_.size())
      return bad(flag, "a value is missing");
    return arguments_[next_++];
  }

  result<std::int64_t> number(const std::string& flag, std::int64_t high) {
    const auto text = value(flag);
    if (!text)
      return tl::unexpected(text.error());
    const auto parsed = core::parse_integer(*text);
    if (!parsed || *parsed < 0 || *parsed > high)
      return bad(flag, "'" + *text + "' is not a number from 0 to " + std::to_string(high));
    return *parsed;
  }

  result<void> read_port(const std::string& argument) {
    const auto port = core::parse_integer(argument);
    if (!port || *port < 0 || *port > std::numeric_limits<std::uint16_t>::max())
      return bad("PORT", "'" + argument + "' is not a port number");
    ++listeners_;
    read_.listen = transport::tcp_endpoint{"", static_cast<std::uint16_t>(*port)};
    return {};
  }

  result<void> read_flag(const std::string& argument) {
    const auto equals = argument.find('=');
    const auto flag = argument.substr(0, equals);
    inline_value_.reset();
    if (equals != std::string::npos)
      inline_value_ = argument.substr(equals + 1);
    if (flag == "--help" || flag == "--enable-browser" || flag == "--no-enable-browser")
      return read_switch(flag);
    if (flag == "--plugins")
      return read_plugins();
    if (flag == "--user-id" || flag == "--listen-fd" || flag == "--ready-fd" ||
        flag == "--lifeline-fd" || flag == "--commands-group-fd" || flag == "--memory-events-fd" ||
        flag == "--memory-limit-mb")
      return read_number(flag);
    if (flag == "--working-dir" || flag == "--username" || flag == "--host" || flag == "--unix" ||
        flag == "--listen-from" || flag == "--browsergym-eval-env")
      return read_text(flag);
    return bad(flag, "this argument is not known");
  }

  result<void> read_switch(const std::string& flag) {
    if (inline_value_)
      return bad(flag, "it takes no value");
    if (flag == "--help")
      read_.help = true;
    else
      read_.enable_browser = flag == "--enable-browser";
    return {};
  }

  result<void> read_number(const std::string& flag) {
    const bool is_user = flag == "--user-id";
    const auto given = number(flag, is_user ? highest_id : std::numeric_limits<int>::max());
    if (!given)
      return tl::unexpected(given.error());
    if (is_user) {
      read_.user_id = static_cast<uid_t>(*given);
      return {};
    }
    const int small = static_cast<int>(*given);
    if (flag == "--ready-fd") {
      read_.ready_fd = small;
    } else if (flag == "--lifeline-fd") {
      read_.lifeline_fd = small;
    } else if (flag == "--memory-events-fd") {
      read_.memory_events_fd = small;
    } else if (flag == "--memory-limit-mb") {
      read_.memory_limit_mb = small;
    } else if (flag == "--commands-group-fd") {
      read_.commands_group_fds.push_back(small);
    } else {
      ++listeners_;
      read_.listen = inherited_socket{small};
    }
    return {};
  }

  result<void> read_text(const std::string& flag) {
    const auto text = value(flag);
    if (!text)
      return tl::unexpected(text.error());
    if (flag == "--browsergym-eval-env") {
      read_.browsergym_eval_env = *text;
      return {};
    }
    if (text->empty())
      return bad(flag, "the value is empty");
    if (flag == "--working-dir") {
      read_.working_dir = *text;
    } else if (flag == "--username") {
      if (!can_name_a_user(*text))
        return bad(flag, "'" + *text +
                             "' cannot be a user's name: that has 1 to 255 bytes, no colon, no "
                             "slash, no blank, no control character, and '-' is not its first");
      read_.username = *text;
    } else if (flag == "--host") {
      host_ = *text == "localhost" ? "127.0.0.1" : *text;
    } else if (flag == "--unix") {
      ++listeners_;
      read_.listen = transport::unix_endpoint{*text};
    } else if (flag == "--listen-from") {
      ++listeners_;
      read_.listen = handed_socket{*text};
    }
    return {};
  }

  /// All that follow up to the next flag, as argparse's nargs='+'.
  result<void> read_plugins() {
    const auto before = read_.plugins.size();
    if (inline_value_)
      read_.plugins.push_back(*inline_value_);
    while (!inline_value_ && next_ < arguments_.size() && !arguments_[next_].starts_with("--"))
      read_.plugins.push_back(arguments_[next_++]);
    if (read_.plugins.size() == before)
      return bad("--plugins", "a value is missing");
    for (const auto& plugin : read_.plugins) {
      if (std::ranges::find(known_plugins, plugin) == known_plugins.end())
        return bad("--plugins", "Plugin " + plugin + " not found");
    }
    return {};
  }

  const std::vector<std::string>& arguments_;
  std::size_t next_ = 0;
  std::optional<std::string> inline_value_;
  options read_;
  std::string host_{default_host};
  int listeners_ = 0;
};

/// A variable that holds a number.
struct number_variable {
  const char* name;
  const char* what;
  std::int64_t low;
  std::int64_t high;
};

constexpr std::int64_t longest_s = 1'000'000;
constexpr number_variable no_change{"NO_CHANGE_TIMEOUT_SECONDS", "seconds", 1, longest_s};
constexpr number_variable plugin_limit{"INIT_PLUGIN_TIMEOUT", "seconds", 1, longest_s};
constexpr number_variable memory_limit{"RUNTIME_MAX_MEMORY_GB", "gigabytes", 1, 1 << 20};
/// These are for what the sandbox runs; an image may have its own use for such names.
constexpr std::array passed_on{number_variable{"VSCODE_PORT", "port", 1, 65535},
                               number_variable{"APP_PORT_1", "port", 1, 65535},
                               number_variable{"APP_PORT_2", "port", 1, 65535}};

using variables = std::map<std::string, std::string>;

std::string text_of(const variables& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

/// Nothing where it is not set, or empty.
result<std::optional<std::int64_t>> number_of(const variables& environment,
                                              const number_variable& wanted) {
  const auto text = text_of(environment, wanted.name);
  if (text.empty())
    return std::nullopt;
  const auto parsed = core::parse_integer(core::trim(text));
  if (!parsed || *parsed < wanted.low || *parsed > wanted.high)
    return fail(errc::invalid_configuration,
                std::string(wanted.name) + ": '" + text + "' is not a number (" + wanted.what +
                    ") from " + std::to_string(wanted.low) + " to " + std::to_string(wanted.high));
  return parsed;
}

std::string current_directory() {
  std::array<char, 4096> path{};
  return ::getcwd(path.data(), path.size()) ? path.data() : "/";
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, core::to_lower(text)) != words.end();
}

result<void> read_environment(options& into, variables environment) {
  into.session_key = text_of(environment, "SESSION_API_KEY");
  environment.erase("SESSION_API_KEY");
  const auto limit = number_of(environment, no_change);
  const auto gigabytes = number_of(environment, memory_limit);
  for (const auto* read : {&limit, &gigabytes})
    if (!*read)
      return tl::unexpected(read->error());
  if (const auto read = number_of(environment, plugin_limit); !read)
    return tl::unexpected(read.error());
  if (*limit)
    into.no_change_timeout = std::chrono::seconds(**limit);
  into.max_memory_gb = *gigabytes;
  into.memory_monitor = is_switched_on(text_of(environment, "RUNTIME_MEMORY_MONITOR"));
  into.auto_lint = is_switched_on(text_of(environment, "ENABLE_AUTO_LINT"));
  for (const auto& port : passed_on)
    if (const auto read = number_of(environment, port); !read)
      into.warnings.push_back(read.error().message);

  const auto su = environment.find("SU_TO_USER");
  into.su_to_user =
      su == environment.end() || is_one_of(su->second, {"1", "true", "t", "yes", "y", "on"});
  into.runtime_username = text_of(environment, "RUNTIME_USERNAME");
  if (auto group = text_of(environment, "SANDBOX_GROUP_ID"); !group.empty())
    into.workspace_group = std::move(group);
  into.env = std::move(environment);
  return {};
}

} // namespace

bool is_switched_on(std::string_view text) {
  return is_one_of(text, {"true", "1", "yes"});
}

result<options> parse_options(const std::vector<std::string>& arguments,
                              std::map<std::string, std::string> environment) {
  auto read = parser(arguments).run();
  if (!read || read->help)
    return read;
  if (auto fine = read_environment(*read, std::move(environment)); !fine)
    return tl::unexpected(fine.error());
  for (const auto& plugin : read->plugins)
    read->warnings.push_back("the plugin '" + plugin + "' cannot be had here");
  read->working_dir = files::absolute_path(read->working_dir, current_directory());
  return read;
}

std::string usage() {
  return "usage: sandfleet-agent [PORT] [options]\n"
         "Serves sessions, files and processes of the sandbox it runs in over HTTP/1.1.\n\n"
         "where to listen, exactly one of:\n"
         "  PORT                 TCP port (0: any free one); a server that shows files to\n"
         "                       programs of this machine listens on one of the next 1024\n"
         "  --unix PATH          socket in the file system\n"
         "  --listen-fd N        inherited socket that listens already\n"
         "  --listen-from PATH   socket that listens already, and is handed over at PATH\n\n"
         "options:\n"
         "  --host ADDRESS       address for PORT (default 0.0.0.0)\n"
         "  --working-dir DIR    where sessions begin (default: the current directory)\n"
         "  --username U         as root: the user that sessions run as, made when missing;\n"
         "                       gets the working directory (default: who the agent is)\n"
         "  --user-id N          the user's number, 0 to 4294967294 (default 1000), and that of\n"
         "                       files that the action 'write' makes\n"
         "  --ready-fd N         gets the line 'ready' once the shell is at its prompt\n"
         "  --lifeline-fd N      at its end of file the agent kills all and exits\n"
         "  --commands-group-fd N\n"
         "                       each process that is started first writes '0' to it, and so "
         "enters\n"
         "                       a control group; may be repeated\n"
         "  --memory-events-fd N open on the control group's memory.events or memory.oom_control,\n"
         "                       where that is not to be seen from here\n"
         "  --memory-limit-mb N  what the control group's memory is limited to\n"
         "  --plugins P..., --[no-]enable-browser, --browsergym-eval-env E\n"
         "                       accepted, as OpenHands' action execution server has them\n\n"
         "environment (all but the key is handed on to what is started):\n"
         "  SESSION_API_KEY              asked for in X-Session-API-Key\n"
         "  NO_CHANGE_TIMEOUT_SECONDS    when 'run' answers without waiting on, 1 to 1000000\n"
         "                               (default 10)\n"
         "  SU_TO_USER                   whether sessions run as --username (default true)\n"
         "  RUNTIME_USERNAME             besides root and openhands a --username they run as\n"
         "  SANDBOX_GROUP_ID             group of the working directory, name or number\n"
         "                               (default root)\n"
         "  RUNTIME_MAX_MEMORY_GB        1 to 1048576: what the memory monitor compares with\n"
         "  RUNTIME_MEMORY_MONITOR       true: the log says when memory becomes short\n"
         "  ENABLE_AUTO_LINT             true: what is edited is linted\n"
         "  INIT_PLUGIN_TIMEOUT          seconds for the plugins' start, 1 to 1000000 (default\n"
         "                               120)\n"
         "  VSCODE_PORT, APP_PORT_1, APP_PORT_2, RUNTIME_ID\n"
         "                               for what runs in the sandbox\n"
         "  LOG_JSON                     true: each line of the log is a JSON object\n"
         "  LOG_JSON_LEVEL_KEY           what the level is called in it (default level)\n";
}

} // namespace sandfleet::agent
