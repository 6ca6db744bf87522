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

tl::unexpected<error> bad(const std::string& what, const std::string& why) {
  return fail(make_error(errc::invalid_argument, what + ": " + why)
                  .with_hint("sandfleet-agent --help shows the arguments"));
}

class parser {
 public:
  explicit parser(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  result<options> run() {
    while (next_ < arguments_.size()) {
      const auto& argument = arguments_[next_++];
      const auto done = argument.starts_with("--") ? read_flag(argument) : read_port(argument);
      if (!done)
        return tl::unexpected(done.error());
      if (read_.help)
        return std::move(read_);
    }
    if (listeners_ != 1)
      return bad("where to listen", "exactly one of PORT, --unix and --listen-fd must be given");
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
    if (flag == "--help") {
      read_.help = true;
      return {};
    }
    if (flag == "--enable-browser" || flag == "--no-enable-browser")
      return {}; // no browser can be had; asking for it is answered when it is used
    if (flag == "--plugins")
      return read_plugins();
    if (flag == "--user-id" || flag == "--listen-fd" || flag == "--ready-fd" ||
        flag == "--lifeline-fd" || flag == "--commands-group-fd")
      return read_number(flag);
    if (flag == "--working-dir" || flag == "--username" || flag == "--host" || flag == "--unix" ||
        flag == "--browsergym-eval-env")
      return read_text(flag);
    return bad(flag, "this argument is not known");
  }

  result<void> read_number(const std::string& flag) {
    const auto given = number(flag, std::numeric_limits<int>::max());
    if (!given)
      return tl::unexpected(given.error());
    const int small = static_cast<int>(*given);
    if (flag == "--user-id") {
      read_.user_id = static_cast<uid_t>(small);
    } else if (flag == "--ready-fd") {
      read_.ready_fd = small;
    } else if (flag == "--lifeline-fd") {
      read_.lifeline_fd = small;
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
    if (text->empty())
      return bad(flag, "the value is empty");
    if (flag == "--working-dir") {
      read_.working_dir = *text;
    } else if (flag == "--username") {
      read_.username = *text;
    } else if (flag == "--host") {
      host_ = *text == "localhost" ? "127.0.0.1" : *text;
    } else if (flag == "--unix") {
      ++listeners_;
      read_.listen = transport::unix_endpoint{*text};
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

std::string current_directory() {
  std::array<char, 4096> path{};
  return ::getcwd(path.data(), path.size()) ? path.data() : "/";
}

result<void> read_environment(options& into, std::map<std::string, std::string> environment) {
  if (const auto key = environment.find("SESSION_API_KEY"); key != environment.end()) {
    into.session_key = key->second;
    environment.erase(key);
  }
  if (const auto limit = environment.find("NO_CHANGE_TIMEOUT_SECONDS");
      limit != environment.end()) {
    const auto seconds = core::parse_integer(core::trim(limit->second));
    if (!seconds || *seconds < 1 || *seconds > 1'000'000)
      return fail(errc::invalid_configuration,
                  "NO_CHANGE_TIMEOUT_SECONDS: '" + limit->second +
                      "' is not a number of seconds from 1 to 1000000");
    into.no_change_timeout = std::chrono::seconds(*seconds);
  }
  into.env = std::move(environment);
  return {};
}

} // namespace

result<options> parse_options(const std::vector<std::string>& arguments,
                              std::map<std::string, std::string> environment) {
  auto read = parser(arguments).run();
  if (!read || read->help)
    return read;
  if (auto fine = read_environment(*read, std::move(environment)); !fine)
    return tl::unexpected(fine.error());
  read->working_dir = files::absolute_path(read->working_dir, current_directory());
  return read;
}

std::string usage() {
  return "usage: sandfleet-agent [PORT] [options]\n"
         "Serves sessions, files and processes of the sandbox it runs in over HTTP/1.1.\n\n"
         "where to listen, exactly one of:\n"
         "  PORT                 TCP port (0: any free one)\n"
         "  --unix PATH          socket in the file system\n"
         "  --listen-fd N        inherited socket that listens already\n\n"
         "options:\n"
         "  --host ADDRESS       address for PORT (default 0.0.0.0)\n"
         "  --working-dir DIR    where sessions begin (default: the current directory)\n"
         "  --ready-fd N         gets the line 'ready' once the shell is at its prompt\n"
         "  --lifeline-fd N      at its end of file the agent kills all and exits\n"
         "  --commands-group-fd N\n"
         "                       each process that is started first writes '0' to it, and so "
         "enters\n"
         "                       a control group; may be repeated\n"
         "  --user-id N          owner of files that the action 'write' makes\n"
         "  --username U, --plugins P..., --[no-]enable-browser, --browsergym-eval-env E\n"
         "                       accepted, as OpenHands' action execution server has them\n\n"
         "environment:\n"
         "  SESSION_API_KEY              asked for in X-Session-API-Key\n"
         "  NO_CHANGE_TIMEOUT_SECONDS    when 'run' answers without waiting on (default 10)\n";
}

} // namespace sandfleet::agent
