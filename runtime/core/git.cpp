#include "runtime/core/git.hpp"

#include "runtime/core/text.hpp"

#include <algorithm>
#include <array>

namespace sandfleet::core {

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

namespace {

constexpr std::array<std::string_view, 7> known_schemes = {"http",    "https",   "ssh", "git",
                                                           "git+ssh", "ssh+git", "file"};
constexpr std::string_view user_variable = "SANDFLEET_GIT_USER";
constexpr std::string_view password_variable = "SANDFLEET_GIT_PASSWORD";

error refused(const std::string& why) {
  return make_error(errc::invalid_argument, "repository: " + why)
      .with_hint("write OWNER/NAME, a URL such as https://HOST/OWNER/NAME, or an absolute path");
}

/// OWNER/NAME, with groups between them where the host has those.
bool is_short_name(std::string_view text) {
  const auto parts = split(text, '/');
  return parts.size() >= 2 && std::ranges::all_of(parts, [](std::string_view part) {
           return !part.empty() && part != "." && part != ".." && part.front() != '-' &&
                  part.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789._-~+") == std::string::npos;
         });
}

/// USER@HOST:PATH, as ssh has it.
bool is_ssh_place(std::string_view text) {
  const auto colon = text.find(':');
  const auto at = text.find('@');
  return at != std::string_view::npos && at > 0 && colon != std::string_view::npos && at < colon &&
         text.find('/') > colon && colon + 1 < text.size() && text.front() != '-';
}

std::string directory_of(std::string_view place) {
  while (place.ends_with('/'))
    place.remove_suffix(1);
  if (place.ends_with(".git"))
    place.remove_suffix(4);
  while (place.ends_with('/')) // a bare one's own directory
    place.remove_suffix(1);
  const auto slash = place.find_last_of("/:");
  return std::string(slash == std::string_view::npos ? place : place.substr(slash + 1));
}

result<git_source> with_directory(git_source source, std::string_view place) {
  source.directory = directory_of(place);
  const auto& name = source.directory;
  if (name.empty() || name == "." || name == ".." || name == ".git")
    return fail(refused("its last part is no name of a directory"));
  return source;
}

result<git_source> read_url(const std::string& url, std::size_t colon) {
  const auto scheme = to_lower(url.substr(0, colon));
  if (std::ranges::find(known_schemes, scheme) == known_schemes.end())
    return fail(refused("'" + scheme + "' is none of git's ways"));
  const auto host_begin = colon + 3;
  const auto host_end = std::min(url.find('/', host_begin), url.size());
  const auto host = url.substr(host_begin, host_end - host_begin);
  git_source source;
  source.url = url;
  if (scheme == "http" || scheme == "https") {
    if (host.find('@') != std::string::npos)
      return fail(refused("the URL holds a user or a password, which would stay in the sandbox")
                      .with_hint("give it as the token"));
    if (host.empty())
      return fail(refused("the URL has no host"));
    source.web_host = scheme + "://" + host;
  }
  return with_directory(std::move(source), host_end == url.size() ? "" : url.substr(host_end));
}

std::string user_for(const std::string& host) {
  if (host.find("gitlab") != std::string::npos)
    return "oauth2";
  if (host.find("bitbucket") != std::string::npos)
    return "x-token-auth";
  return "x-access-token";
}

bool holds_one_of(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(
      parts, [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

} // namespace

result<git_source> read_git_source(const std::string& repository, const std::string& git_host) {
  if (has_control(repository) || repository.starts_with('-'))
    return fail(refused("it starts with '-' or holds a control character"));
  if (const auto colon = repository.find("://"); colon != std::string::npos)
    return read_url(repository, colon);
  if (repository.starts_with('/') || is_ssh_place(repository)) {
    git_source source;
    source.url = repository;
    return with_directory(std::move(source), repository);
  }
  if (!is_short_name(repository))
    return fail(refused("'" + repository + "' is not understood"));
  const bool host_fits =
      !git_host.empty() &&
      git_host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789.:-[]") == std::string::npos;
  if (!host_fits)
    return fail(make_error(errc::invalid_argument, "git_host: '" + git_host + "' is no host")
                    .with_hint("write HOST or HOST:PORT"));
  auto name = repository;
  if (name.ends_with(".git"))
    name.resize(name.size() - 4);
  git_source source;
  source.web_host = "https://" + git_host;
  source.url = source.web_host + "/" + name + ".git";
  return with_directory(std::move(source), name);
}

git_access git_access_for(const git_source& source, const std::string& token) {
  git_access access;
  // Nobody is there to be asked; helpers that the image has would write the token down.
  access.env = {{"GIT_TERMINAL_PROMPT", "0"}, {"GIT_ASKPASS", ""}, {"LC_ALL", "C"}};
  if (token.empty() || source.web_host.empty())
    return access;
  const auto colon = token.find(':');
  const bool has_user = colon != std::string::npos;
  access.env.emplace(user_variable, has_user ? token.substr(0, colon) : user_for(source.web_host));
  access.env.emplace(password_variable, has_user ? token.substr(colon + 1) : token);
  const auto helper = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$" +
                      std::string(user_variable) + "\" \"$" + std::string(password_variable) +
                      "\"; }; f";
  access.options = {"-c", "credential.helper=", "-c",
                    "credential." + source.web_host + ".helper=" + helper};
  return access;
}

error clone_error(const std::string& url, int exit_code, std::string_view printed) {
  const auto failed = [&](errc code, failure_class blame, std::string cause, std::string hint) {
    constexpr std::size_t most_evidence = 2000;
    return make_error(code, "cannot clone " + url)
        .blamed_on(blame)
        .with_cause(std::move(cause))
        .with_hint(std::move(hint))
        .with("exit_code", std::int64_t{exit_code})
        .with("output", end_of(printed, most_evidence));
  };
  if (holds_one_of(printed, {"already exists and is not an empty directory"}))
    return failed(errc::already_exists, failure_class::task,
                  "the directory of that name in the workspace is not empty",
                  "set up a fresh sandbox, or empty it first");
  if (holds_one_of(printed,
                   {"Authentication failed", "could not read Username", "could not read Password",
                    "terminal prompts disabled", "returned error: 401", "returned error: 403",
                    "Permission denied", "Host key verification failed"}))
    return failed(errc::permission_denied, failure_class::task, "its host wants to know who asks",
                  "give a token that may read it");
  if (holds_one_of(printed, {"Could not resolve", "Temporary failure in name resolution",
                             "Failed to connect", "Could not connect", "Couldn't connect",
                             "Connection refused", "Connection timed out", "Connection reset",
                             "Network is unreachable", "No route to host", "unable to connect",
                             "Operation timed out", "early EOF", "unexpected disconnect",
                             "returned error: 5", "returned error: 429", "RPC failed",
                             "Empty reply from server"}))
    return failed(errc::connection_failed, failure_class::infrastructure,
                  "its host was not reached, or broke off",
                  "a sandbox whose network is \"none\" reaches nothing; see that it has another");
  if (holds_one_of(printed,
                   {"not found", "does not exist", "does not appear to be a git repository",
                    "No such file or directory", "returned error: 404"}))
    return failed(errc::not_found, failure_class::task, "there is no such repository",
                  "check its name; a private one is not to be seen without a token");
  return failed(errc::invalid_argument, failure_class::task, "git clone failed", "");
}

std::string end_of(std::string_view text, std::size_t most_bytes) {
  text = trim(text);
  if (text.size() <= most_bytes)
    return std::string(text);
  auto from = text.size() - most_bytes;
  if (const auto line = text.find('\n', from);
      line != std::string_view::npos && line - from < most_bytes / 2)
    from = line + 1;
  while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xc0U) == 0x80U)
    ++from; // within a character
  return "[" + std::to_string(from) + " bytes before] " + std::string(text.substr(from));
}

std::string pre_commit_hook() {
  const auto script = std::string(pre_commit_script);
  // By its second line OpenHands, and we, know a hook of this kind again.
  return "#!/bin/bash\n"
         "# This hook was installed by OpenHands\n"
         "# or by Sandfleet in its place: commits are checked by the repository's own script.\n"
         "script=" +
         script +
         "\n"
         "if [ ! -x \"$script\" ]; then\n"
         "  echo \"Warning: $script not found or not executable\"\n"
         "  exit 0\n"
         "fi\n"
         "source \"$script\"\n"
         "exit $?\n";
}

std::string hook_installer() {
  const auto script = std::string(pre_commit_script);
  return "cd -- \"$1\" && chmod +x " + script +
         " || exit\n"
         "hooks=$(git rev-parse --git-path hooks 2>/dev/null) || hooks=.git/hooks\n"
         "hook=$hooks/pre-commit\n"
         "mkdir -p -- \"$hooks\" && cat >\"$hook.new\" && chmod 755 \"$hook.new\" || exit\n"
         "if [ -e \"$hook\" ] || [ -h \"$hook\" ]; then\n"
         "  if ! grep -qF 'This hook was installed by OpenHands' \"$hook\" 2>/dev/null; then\n"
         "    mv -f -- \"$hook\" \"$hook.local\" && chmod +x -- \"$hook.local\" || exit\n"
         "    echo preserved\n"
         "  fi\n"
         "fi\n"
         "mv -f -- \"$hook.new\" \"$hook\"\n";
}

} // namespace sandfleet::core

namespace sandfleet {

namespace {

error bad(const std::string& key, const std::string& why) {
  return make_error(errc::invalid_argument, key + ": " + why);
}

} // namespace

result<void> validate(const workspace_setup& wanted) {
  for (const auto& [key, text] :
       {std::pair<std::string, const std::string&>{"git_user_name", wanted.git_user_name},
        {"git_user_email", wanted.git_user_email},
        {"branch", wanted.branch},
        {"token", wanted.token}})
    if (core::has_control(text))
      return fail(bad(key, "it holds a control character"));
  if (wanted.branch.starts_with('-'))
    return fail(bad("branch", "'" + wanted.branch + "' starts with '-'"));
  if (wanted.clone_timeout.count() <= 0 || wanted.script_timeout.count() <= 0)
    return fail(bad("clone_timeout, script_timeout", "must be above 0"));
  if (wanted.repository.empty()) {
    if (!wanted.branch.empty() || !wanted.token.empty())
      return fail(bad("branch, token", "there is no repository that they are for"));
    return {};
  }
  const auto source = core::read_git_source(wanted.repository, wanted.git_host);
  if (!source)
    return fail(source.error());
  if (!wanted.token.empty() && source->web_host.empty())
    return fail(bad("token", "only repositories of http:// and https:// take one"));
  return {};
}

} // namespace sandfleet
