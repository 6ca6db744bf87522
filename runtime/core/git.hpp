#pragma once

#include <sandfleet/error.hpp>
#include <sandfleet/workspace.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The texts of setting up a workspace.
namespace sandfleet::core {

/// A repository as git is told of it.
struct git_source {
  std::string url;
  std::string directory; ///< its name: the clone's directory below the workspace
  std::string web_host;  ///< scheme and host, such as "https://github.com"; empty: not http(s)
};

/// Reads `repository` and `git_host`, which are not empty. An http(s) URL that holds a user or a
/// password is refused without being repeated.
[[nodiscard]] result<git_source> read_git_source(const std::string& repository,
                                                 const std::string& git_host);

/// How git is started with a token: options before its command, and variables that hold the secret.
/// What it is asked for anywhere but at `web_host` it does not know.
struct git_access {
  std::vector<std::string> options;
  std::map<std::string, std::string> env;
};
[[nodiscard]] git_access git_access_for(const git_source& source, const std::string& token);

/// What a failed `git clone` means, by what it printed (in English).
[[nodiscard]] error clone_error(const std::string& url, int exit_code, std::string_view printed);

/// C0 and DEL.
[[nodiscard]] bool has_control(std::string_view text);

/// The end of a text, from the start of a line where one is near, with what was left out named.
[[nodiscard]] std::string end_of(std::string_view text, std::size_t most_bytes);

inline constexpr std::string_view setup_script = ".openhands/setup.sh";
inline constexpr std::string_view pre_commit_script = ".openhands/pre-commit.sh";

/// The hook, which runs `pre_commit_script`.
[[nodiscard]] std::string pre_commit_hook();
/// A shell's text that installs what it reads in the directory of its first argument, keeps
/// another's hook as pre-commit.local, and then prints `preserved`.
[[nodiscard]] std::string hook_installer();

} // namespace sandfleet::core
