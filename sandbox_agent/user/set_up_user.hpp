#pragma once

#include "sandbox_agent/options.hpp"
#include "sandbox_agent/user/give_tree.hpp"
#include "sandbox_agent/user/identity.hpp"
#include "sandbox_agent/user/make_user.hpp"

#include <sandfleet/error.hpp>

#include <map>
#include <optional>
#include <string>

namespace sandfleet::agent {

/// What `--username` and `--user-id` come to here.
struct user_set_up {
  std::optional<identity> runs_as;          ///< whose the processes are; nobody: the agent's user's
  std::map<std::string, std::string> env;   ///< as su sets it for them
  std::optional<uid_t> file_owner;          ///< of files that the action `write` makes
  std::optional<new_owner> workspace_owner; ///< of the working directory and what is below
};

/// Sets the user up as the reference does, and says in the log what is otherwise than asked for.
/// Where the agent is not root, and without a username, nothing is changed. Errors: those of
/// `make_user` with `invalid_argument`; any other failure leaves the number alone to run as.
[[nodiscard]] result<user_set_up> set_up_user(const options& given, const user_files& files = {});

} // namespace sandfleet::agent
