#pragma once

#include "sandbox_agent/user/accounts.hpp"

#include <sandfleet/error.hpp>

#include <string>
#include <vector>

namespace sandfleet::agent {

/// The image's files of users. `etc` is another directory in tests.
struct user_files {
  std::string etc = "/etc";
  std::string homes = "/home";

  /// The text of one of them, at most 16 MiB; empty where it is missing.
  [[nodiscard]] result<std::string> read(const std::string& name) const;
};

struct made_user {
  account is;
  std::vector<std::string> remarks; ///< what went otherwise than asked for
};

/// Makes a user's home with what lies in /etc/skel. One that is there keeps what it holds and
/// becomes the user's.
[[nodiscard]] result<void> make_home(const user_files& files, const account& user);

/// As the reference makes a user: of the group root and, where there is one, sudo, which gets all
/// rights without a password; with the home /home/NAME. By writing the image's files ourselves, for
/// many an image has no useradd. The number of another user is shared with that one, by the name
/// that was asked for. Errors: `invalid_argument` for a name that cannot be and for the number 0;
/// else what kept /etc/passwd from being written.
[[nodiscard]] result<made_user> make_user(const user_files& files, const std::string& name,
                                          uid_t uid);

} // namespace sandfleet::agent
