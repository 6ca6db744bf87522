#include "sandbox_agent/launcher/remove_tree.hpp"

#include "sandbox_agent/launcher/clone_process.hpp"
#include "sandbox_agent/launcher/unique_fd.hpp"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace sandfleet::launcher {

namespace {

int remove_at(int dir, const char* name);

/// Takes over `fd`.
int empty_directory(int fd) {
  const auto close = [](DIR* d) { ::closedir(d); };
  const std::unique_ptr<DIR, decltype(close)> stream(::fdopendir(fd), close);
  int failed = 0;
  while (stream) {
    const auto* entry = ::readdir(stream.get()); // NOLINT(concurrency-mt-unsafe): one thread
    if (entry == nullptr)
      break;
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0)
      continue;
    if (const int why = remove_at(fd, entry->d_name))
      failed = why;
  }
  return failed;
}

int remove_at(int dir, const char* name) {
  if (::unlinkat(dir, name, 0) == 0 || errno == ENOENT)
    return 0;
  if (errno != EISDIR && errno != EPERM)
    return errno;
  const auto open_dir = [&] {
    return ::openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  };
  // Permission first: without all three bits a directory's owner cannot empty it.
  struct stat info {};
  if (::fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return errno;
  if (!S_ISDIR(info.st_mode))
    return EPERM;
  if ((info.st_mode & 0700) != 0700)
    ::fchmodat(dir, name, 0700, 0);
  const int fd = open_dir();
  if (fd < 0)
    return errno;
  const int failed = empty_directory(fd);
  return ::unlinkat(dir, name, AT_REMOVEDIR) == 0 ? 0 : (failed != 0 ? failed : errno);
}

} // namespace

int remove_tree(const std::string& path) {
  return remove_at(AT_FDCWD, path.c_str());
}

int remove_tree_of(const std::string& path, const id_map& ids) {
  const int failed = remove_tree(path);
  if (failed == 0 || !ids.by_helper)
    return failed;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return errno;
  unique_fd go(ends[0]);
  unique_fd start(ends[1]);
  const auto child = clone_process(CLONE_NEWUSER, -1);
  if (child < 0)
    return errno;
  if (child == 0) {
    start.reset();
    char byte = 0;
    if (::read(go.get(), &byte, 1) != 1 || ::syscall(SYS_setresgid, 0, 0, 0) != 0 ||
        ::syscall(SYS_setresuid, 0, 0, 0) != 0)
      ::_exit(EPERM);
    ::_exit(remove_tree(path));
  }
  if (write_id_map(ids, child))
    (void)!::write(start.get(), "1", 1);
  start.reset();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

} // namespace sandfleet::launcher
