#include "sandbox_agent/user/set_up_user.hpp"

#include "sandbox_agent/bash/account.hpp"
#include "sandbox_agent/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace sandfleet::agent {

namespace {

constexpr uid_t usual_number = 1000; // the reference's
constexpr auto as_it_is = static_cast<gid_t>(-1);

void warn(const std::string& text) {
  log(log_level::warning, text);
}

/// The user's entry in the image, made when it is missing; where none can be made, one that only we
/// know of.
result<account> entry_of(const std::string& name, uid_t wanted, const user_files& files) {
  const auto passwd = files.read("passwd");
  if (auto found = passwd ? find_account(*passwd, name) : std::nullopt) {
    if (found->uid != wanted)
      warn("User `" + name + "` already exists with UID " + std::to_string(found->uid) +
           ". Skipping user setup.");
    return *found;
  }
  auto made = make_user(files, name, wanted);
  if (made) {
    for (const auto& remark : made->remarks)
      warn("the user '" + name + "': " + remark);
    return made->is;
  }
  if (made.error().code == errc::invalid_argument)
    return tl::unexpected(made.error());
  warn("the user '" + name + "' has no entry, only the number " + std::to_string(wanted) + ": " +
       made.error().to_string());
  account only{name, wanted, 0, files.homes + "/" + name, "/bin/bash"};
  if (!make_home(files, only))
    only.home = "/";
  return only;
}

/// What su sets without `-`.
std::map<std::string, std::string> environment_of(const account& user) {
  std::map<std::string, std::string> env{{"HOME", user.home}, {"SHELL", user.shell}};
  if (user.uid != 0) {
    env["USER"] = user.name;
    env["LOGNAME"] = user.name;
  }
  return env;
}

std::optional<identity> identity_of(const account& user, std::string_view group_file) {
  identity whom{user.name, user.uid, user.gid, groups_of(group_file, user.name)};
  if (std::ranges::find(whom.groups, user.gid) == whom.groups.end())
    whom.groups.insert(whom.groups.begin(), user.gid);
  const int refused = try_identity(whom);
  if (refused == 0)
    return whom;
  warn("sessions run as '" + own_user_name() + "' and not as '" + user.name + "' (" +
       std::to_string(user.uid) + "): " + std::strerror(refused));
  return std::nullopt;
}

bool may_be_become(const options& given, const std::string& name) {
  return given.su_to_user && (name == "root" || name == "openhands" ||
                              (!given.runtime_username.empty() && name == given.runtime_username));
}

/// The reference's rule for a process that already is the user.
bool is_current_user(const options& given, const std::string& name) {
  const auto user = given.env.find("USER");
  return user != given.env.end() && user->second == name && name != "root" && name != "openhands";
}

} // namespace

result<user_set_up> set_up_user(const options& given, const user_files& files) {
  user_set_up out;
  if (::geteuid() != 0) {
    if (const auto own = own_user_name(); given.username && *given.username != own)
      warn("sessions run as '" + own + "' and not as '" + *given.username +
           "': only root can become another user");
    return out;
  }
  out.file_owner = given.user_id;
  if (!given.username)
    return out;
  const auto& name = *given.username;
  account user{"root", 0, 0, "/root", "/bin/bash"};
  const auto passwd = files.read("passwd");
  if (name == "root") {
    if (auto found = passwd ? find_account(*passwd, name) : std::nullopt)
      user = std::move(*found);
  } else if (!is_current_user(given, name)) {
    auto entry = entry_of(name, given.user_id.value_or(usual_number), files);
    if (!entry)
      return tl::unexpected(entry.error());
    user = std::move(*entry);
    out.file_owner = user.uid;
  } else {
    return out;
  }

  const auto groups = files.read("group").value_or("");
  const auto group = find_group(groups, given.workspace_group);
  if (!group)
    warn("SANDBOX_GROUP_ID: there is no group '" + given.workspace_group + "'");
  out.workspace_owner = {user.uid, group.value_or(as_it_is)};

  if (!may_be_become(given, name)) {
    log(log_level::info, "sessions run as '" + own_user_name() + "' and not as '" + name +
                             "', which is neither root nor openhands nor RUNTIME_USERNAME, or "
                             "SU_TO_USER says so");
    return out;
  }
  if (user.uid != 0)
    out.runs_as = identity_of(user, groups);
  if (user.uid == 0 || out.runs_as)
    out.env = environment_of(user);
  return out;
}

} // namespace sandfleet::agent
