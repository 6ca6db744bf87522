#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

/// The lines of /etc/passwd, /etc/group and /etc/sudoers (passwd(5), group(5), sudoers(5)): what
/// they say and what they become. Texts alone; lines of another form count for nothing and stay as
/// they are.
namespace sandfleet::agent {

struct account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;  ///< "/" where none is given
  std::string shell; ///< "/bin/sh" where none is given
};

/// The first that is so called.
[[nodiscard]] std::optional<account> find_account(std::string_view passwd, std::string_view name);

/// The first that has this number.
[[nodiscard]] std::optional<account> find_account(std::string_view passwd, uid_t uid);

/// The number of a group, given by its name or as that number.
[[nodiscard]] std::optional<gid_t> find_group(std::string_view group, std::string_view wanted);

/// The numbers of the groups that list a user among their members, each once, at most 65,536.
[[nodiscard]] std::vector<gid_t> groups_of(std::string_view group, std::string_view name);

/// A number of a user or group: 0 to 4294967294, as digits alone.
[[nodiscard]] std::optional<std::uint32_t> parse_id(std::string_view text);

/// Whether an account may be made of that name: 1 to 32 letters, digits, '_', '-' and '.', the
/// first neither '-' nor '.'.
[[nodiscard]] bool is_account_name(std::string_view name);

/// With an account of the group root and the shell bash: before the first that has the same number,
/// so that the number is called by this name, else at the end.
[[nodiscard]] std::string with_account(std::string_view passwd, std::string_view name, uid_t uid,
                                       std::string_view home);

/// With one more line at its end.
[[nodiscard]] std::string with_line(std::string_view text, std::string_view line);

/// With a user among the members of a group, given by its name; as it was where there is no such
/// group or the user is a member. For /etc/gshadow too.
[[nodiscard]] std::string with_member(std::string_view group, std::string_view name,
                                      std::string_view member);

/// Whether one of the lines is this one.
[[nodiscard]] bool has_line(std::string_view text, std::string_view line);

} // namespace sandfleet::agent
