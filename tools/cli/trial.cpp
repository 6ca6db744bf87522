#include "tools/cli/trial.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::cli {

namespace {

/// Runs `steps` in a child; it gives 0 or an errno value, which fits an exit status.
template <class Steps>
int in_child(Steps steps) {
  const pid_t child = ::fork();
  if (child < 0)
    return errno;
  if (child == 0)
    ::_exit(steps());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR)
      return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

int write_file(const char* path, const std::string& text) {
  const int descriptor = ::open(path, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0)
    return errno;
  const int failure =
      ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0
                                                                                         : errno;
  ::close(descriptor);
  return failure;
}

} // namespace

int try_user_namespace() {
  return in_child([] { return ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno; });
}

int try_overlay(const std::string& scratch) {
  const auto users = "0 " + std::to_string(::geteuid()) + " 1\n";
  const auto groups = "0 " + std::to_string(::getegid()) + " 1\n";
  return in_child([&] {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
      return errno;
    // Without a group of its own the child cannot make a directory (EOVERFLOW).
    for (const auto& [file, text] : {std::pair("/proc/self/setgroups", std::string("deny")),
                                     {"/proc/self/uid_map", users},
                                     {"/proc/self/gid_map", groups}})
      if (const int failure = write_file(file, text); failure != 0)
        return failure;
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", scratch.c_str(), "tmpfs", 0, nullptr) != 0)
      return errno;
    for (const auto* name : {"/upper", "/work", "/merged"})
      if (::mkdir((scratch + name).c_str(), 0700) != 0)
        return errno;
    const auto options =
        "lowerdir=/usr,upperdir=" + scratch + "/upper,workdir=" + scratch + "/work,userxattr";
    const auto merged = scratch + "/merged";
    return ::mount("overlay", merged.c_str(), "overlay", 0, options.c_str()) == 0 ? 0 : errno;
  });
}

} // namespace sandfleet::cli
