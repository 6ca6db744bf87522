#include "sandbox_agent/user/give_tree.hpp"

#include "sandbox_agent/bash/pty.hpp"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sandfleet::agent {

namespace {

/// A directory that the walk is in or below.
struct level {
  struct stat is {};
  std::string name;
  std::vector<std::string> left; ///< directories in it that are still to be gone through
};

class walk {
 public:
  walk(new_owner to, const std::atomic<bool>& stop) : to_(to), stop_(stop) {}

  tree_given run(const std::string& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
      struct stat is {};
      if (::lstat(directory.c_str(), &is) == 0)
        give(AT_FDCWD, directory.c_str(), is);
      return std::move(done_);
    }
    if (fd < 0)
      refuse(directory);
    else
      enter(unique_fd(fd), directory);
    while (!levels_.empty() && !stop_)
      step();
    return std::move(done_);
  }

 private:
  void step() {
    auto& here = levels_.back();
    if (here.left.empty()) {
      leave();
      return;
    }
    const auto name = std::move(here.left.back());
    here.left.pop_back();
    const int fd =
        ::openat(here_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
      enter(unique_fd(fd), name);
    else if (errno != ENOENT && errno != ELOOP && errno != ENOTDIR)
      refuse(name);
  }

  /// Gives what lies in a directory, the directories among it excepted.
  void enter(unique_fd fd, const std::string& name) {
    level entered;
    entered.name = name;
    if (::fstat(fd.get(), &entered.is) != 0) {
      refuse(name);
      return;
    }
    here_ = std::move(fd);
    list(entered);
    levels_.push_back(std::move(entered));
  }

  void list(level& into) {
    const int again = ::openat(here_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const auto close = [](DIR* d) { ::closedir(d); };
    const std::unique_ptr<DIR, decltype(close)> entries(again < 0 ? nullptr : ::fdopendir(again),
                                                        close);
    if (!entries)
      refuse(into.name);
    while (entries && !stop_) {
      const auto* entry = ::readdir(entries.get());
      if (!entry)
        break;
      const std::string_view name = entry->d_name;
      struct stat is {};
      if (name == "." || name == ".." ||
          ::fstatat(here_.get(), entry->d_name, &is, AT_SYMLINK_NOFOLLOW) != 0)
        continue;
      if (S_ISDIR(is.st_mode))
        into.left.emplace_back(name);
      else
        give(here_.get(), entry->d_name, is);
    }
  }

  /// A directory itself comes after all that is in it: given away it may be closed to us.
  void leave() {
    const auto left = std::move(levels_.back());
    levels_.pop_back();
    unique_fd above;
    if (!levels_.empty())
      above = unique_fd(::openat(here_.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    count(left.is, left.name, [&] { return ::fchown(here_.get(), to_.uid, to_.gid); });
    if (levels_.empty())
      return;
    struct stat is {};
    const auto& expected = levels_.back().is;
    if (above.get() < 0 || ::fstat(above.get(), &is) != 0 || is.st_dev != expected.st_dev ||
        is.st_ino != expected.st_ino) {
      errno = ESTALE; // somebody moved it: what is above it now is not ours to give
      refuse(left.name);
      levels_.clear();
      return;
    }
    here_ = std::move(above);
  }

  void give(int dir, const char* name, const struct stat& is) {
    count(is, name, [&] { return ::fchownat(dir, name, to_.uid, to_.gid, AT_SYMLINK_NOFOLLOW); });
  }

  template <class Change>
  void count(const struct stat& is, std::string_view name, Change change) {
    ++done_.seen;
    const auto has = [](auto wanted, auto now) {
      return wanted == static_cast<decltype(wanted)>(-1) || wanted == now;
    };
    if (has(to_.uid, is.st_uid) && has(to_.gid, is.st_gid))
      return;
    if (change() == 0)
      ++done_.given;
    else if (errno != ENOENT)
      refuse(name);
  }

  void refuse(std::string_view name) {
    if (done_.refused++ == 0)
      done_.first_refusal = std::string(name) + ": " + std::strerror(errno);
  }

  new_owner to_;
  const std::atomic<bool>& stop_;
  unique_fd here_;
  std::vector<level> levels_;
  tree_given done_;
};

} // namespace

tree_given give_tree(const std::string& directory, new_owner to, const std::atomic<bool>& stop) {
  return walk(to, stop).run(directory);
}

} // namespace sandfleet::agent
