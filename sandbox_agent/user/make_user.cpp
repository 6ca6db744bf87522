#include "sandbox_agent/user/make_user.hpp"

#include "sandbox_agent/files/file_text.hpp"
#include "sandbox_agent/files/make_directories.hpp"
#include "sandbox_agent/files/replacement.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

namespace sandfleet::agent {

namespace {

constexpr std::size_t longest_file = std::size_t{16} << 20;
constexpr const char* sudo_group = "sudo";
constexpr std::string_view sudoers_line = "%sudo ALL=(ALL) NOPASSWD:ALL";

/// In one step where that can be; a file that is a mount of its own is written over.
result<void> store_file(const std::string& path, std::string_view text, mode_t mode_of_new) {
  struct stat found {};
  const bool exists = ::stat(path.c_str(), &found) == 0;
  auto begun = files::replacement::begin(path, exists ? found.st_mode : mode_of_new);
  if (!begun)
    return tl::unexpected(begun.error());
  if (auto written = begun->write(text); !written)
    return written;
  auto stored = begun->commit();
  return !stored && files::errno_of(stored.error()) == EBUSY ? files::store(path, text) : stored;
}

/// Where there is such a file, and the change is one.
result<void> change_file(const user_files& files, const std::string& name,
                         const std::function<std::string(std::string_view)>& change) {
  const auto text = files.read(name);
  if (!text)
    return tl::unexpected(text.error());
  const auto path = files.etc + "/" + name;
  const auto changed = change(*text);
  return changed == *text || ::access(path.c_str(), F_OK) != 0 ? result<void>()
                                                               : store_file(path, changed, 0644);
}

std::int64_t today() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::hours>(now).count() / 24;
}

} // namespace

result<std::string> user_files::read(const std::string& name) const {
  auto text = files::load(etc + "/" + name, longest_file);
  if (!text && files::errno_of(text.error()) == ENOENT)
    return std::string();
  return text;
}

result<void> make_home(const user_files& files, const account& user) {
  if (auto made = files::make_parents(user.home); !made)
    return made;
  const bool is_new = ::mkdir(user.home.c_str(), 0755) == 0;
  if (!is_new && errno != EEXIST)
    return fail(files::os_error(errno, user.home));
  const unique_fd home(::open(user.home.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (home.get() < 0 || ::fchown(home.get(), user.uid, user.gid) != 0)
    return fail(files::os_error(errno, user.home));
  if (!is_new)
    return {};
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto skeleton = files.etc + "/skel";
  fs::copy(skeleton, user.home, fs::copy_options::recursive | fs::copy_options::copy_symlinks,
           ignored);
  // Nobody else can have been in a home that is this new.
  for (fs::recursive_directory_iterator at(user.home, ignored), end; at != end;
       at.increment(ignored))
    if (::lchown(at->path().c_str(), user.uid, user.gid) != 0)
      return fail(files::os_error(errno, at->path().string()));
  return {};
}

result<made_user> make_user(const user_files& files, const std::string& name, uid_t uid) {
  if (!is_account_name(name))
    return fail(errc::invalid_argument,
                "'" + name +
                    "' cannot be made a user: its name is to be 1 to 32 letters, digits, "
                    "'_', '-' and '.', the first neither '-' nor '.'");
  if (uid == 0)
    return fail(
        make_error(errc::invalid_argument,
                   "'" + name + "' cannot be made a user with the number 0, which is root's")
            .with_hint("give --username root, or another --user-id"));
  made_user made;
  made.is = {name, uid, 0, files.homes + "/" + name, "/bin/bash"};
  const auto passwd = files.read("passwd");
  if (!passwd)
    return tl::unexpected(passwd.error());
  if (const auto other = find_account(*passwd, uid))
    made.remarks.push_back("the number " + std::to_string(uid) + " is the user '" + other->name +
                           "' too; it is called '" + name + "' from now on");
  if (auto there = files::make_directories(files.etc); !there)
    return tl::unexpected(there.error());
  const auto longer = with_account(*passwd, name, uid, made.is.home);
  if (auto stored = store_file(files.etc + "/passwd", longer, 0644); !stored)
    return tl::unexpected(stored.error());

  const auto change = [&](const char* file, auto&& how) {
    if (const auto done = change_file(files, file, how); !done)
      made.remarks.push_back(done.error().to_string());
  };
  change("shadow", [&](std::string_view text) {
    return with_line(text, name + ":!:" + std::to_string(today()) + "::::::");
  });
  for (const char* file : {"group", "gshadow"})
    change(file, [&](std::string_view text) { return with_member(text, sudo_group, name); });
  change("sudoers", [](std::string_view text) {
    return has_line(text, sudoers_line) ? std::string(text) : with_line(text, sudoers_line);
  });
  if (const auto home = make_home(files, made.is); !home)
    made.remarks.push_back(home.error().to_string());
  return made;
}

} // namespace sandfleet::agent
