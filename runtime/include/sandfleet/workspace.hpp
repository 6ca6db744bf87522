#pragma once

#include <sandfleet/action.hpp>
#include <sandfleet/error.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace sandfleet {

/// What `sandbox::set_up` puts in place. docs/workspace.md says how.
struct workspace_setup {
  std::map<std::string, std::string> env; ///< as `sandbox::set_environment`
  std::string git_user_name;              ///< of the user's commits anywhere; empty: as it is
  std::string git_user_email;

  /// OWNER/NAME at `git_host`, a URL that git knows, or an absolute path inside. Empty: none.
  std::string repository;
  std::string git_host = "github.com";
  std::string branch; ///< branch, tag or commit; empty: a new one, openhands-workspace-XXXXXXXX
  /// What an http(s) host wants to be shown, TOKEN or USER:PASSWORD. Never logged, and nowhere in
  /// the sandbox when this is over.
  std::string token;

  bool init_repository = false; ///< without `repository`: makes the workspace one
  bool run_setup_script = true;
  bool install_git_hooks = true;
  std::chrono::milliseconds clone_timeout{600'000};
  std::chrono::milliseconds script_timeout{600'000};
};

/// What came of it.
struct setup_report {
  std::string directory; ///< absolute: the repository's, or the workspace
  std::string branch;    ///< that was checked out or made; empty without a repository
  std::optional<command_result> setup_script; ///< when there is one
  bool hook_installed = false;
  bool hook_preserved = false; ///< another hook was there, and is pre-commit.local now
};

/// Says what is wrong, if anything: class task, naming the key and no secret.
[[nodiscard]] result<void> validate(const workspace_setup& wanted);

} // namespace sandfleet
