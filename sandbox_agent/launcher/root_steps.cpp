#include "sandbox_agent/launcher/root_steps.hpp"

#include "sandbox_agent/launcher/file_text.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

namespace sandfleet::launcher {

namespace {

constexpr unsigned first_user = 1000;
constexpr const char* tty_group = "5";

/// Makes a directory with its parents. 0 or an errno.
int make_directories(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) == 0)
    return ::chmod(path.c_str(), mode) == 0 ? 0 : errno; // whatever the umask is
  if (errno == ENOENT) {
    const auto parent = path.substr(0, path.find_last_of('/'));
    if (parent.empty())
      return ENOENT;
    if (const int failed = make_directories(parent, 0755))
      return failed;
    return make_directories(path, mode);
  }
  if (errno != EEXIST)
    return errno;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return errno;
  return S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
}

int make_target(const mount_step& step) {
  if (step.is_dir)
    return make_directories(step.target, 0755);
  if (const auto parent = step.target.substr(0, step.target.find_last_of('/')); !parent.empty())
    if (const int failed = make_directories(parent, 0755))
      return failed;
  const unique_fd file(
      ::open(step.target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644));
  // Something that cannot be opened for writing is there: good enough to be mounted over.
  return file || errno == EROFS || errno == ETXTBSY || errno == ENXIO ? 0 : errno;
}

int attach(const unique_fd& mount, const std::string& target) {
  return ::move_mount(mount.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0
             ? 0
             : errno;
}

error cannot(const mount_step& step, int error_number) {
  const bool is_tasks = step.is_volume || step.kind == step_kind::directory;
  auto failure = errno_error(errc::start_failed, "cannot make '" + step.target + "'", error_number);
  if (is_tasks) {
    failure.code = errc::invalid_argument;
    failure.blame = failure_class::task;
    if (error_number == EROFS || error_number == ENOENT)
      failure.hint = "that place is read-only in the sandbox; choose a path that is not below /usr "
                     "or /opt";
  }
  if (error_number == ENOSPC) {
    failure.code = errc::limit_exceeded;
    failure.blame = failure_class::task;
    failure.hint = "raise disk_mb";
  }
  return failure;
}

result<void> add_terminals(const mount_step& step, bool has_other_ids) {
  if (const int failed = make_directories(step.target, 0755))
    return fail(cannot(step, failed));
  std::vector<std::pair<const char*, std::string>> options = {{"ptmxmode", "0666"},
                                                              {"mode", "0620"}};
  if (has_other_ids)
    options.emplace_back("gid", tty_group);
  const auto made = new_mount("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (!made)
    return fail(made.error());
  if (const int failed = attach(*made, step.target))
    return fail(cannot(step, failed));
  return {};
}

/// `mount` is empty where the directory lies in the sandbox's memory anyway.
int add_mount(const mount_step& step, const unique_fd& mount) {
  if (const int failed = make_directories(step.target, step.mode))
    return failed;
  return mount ? attach(mount, step.target) : 0;
}

int add(const mount_step& step, const unique_fd& tree, bool has_other_ids) {
  switch (step.kind) {
  case step_kind::directory: {
    if (const int failed = make_directories(step.target, step.mode))
      return failed;
    if (step.for_user && has_other_ids)
      return ::chown(step.target.c_str(), first_user, first_user) == 0 ? 0 : errno;
    return 0;
  }
  case step_kind::file_if_missing:
    if (::access(step.target.c_str(), F_OK) == 0)
      return 0;
    [[fallthrough]];
  case step_kind::file: {
    const auto parent = step.target.substr(0, step.target.find_last_of('/'));
    if (const int failed = make_directories(parent, 0755))
      return failed;
    return put_file(step.target, step.text, step.mode);
  }
  case step_kind::symlink: {
    if (const auto parent = step.target.substr(0, step.target.find_last_of('/')); !parent.empty())
      if (const int failed = make_directories(parent, 0755))
        return failed;
    return ::symlink(step.text.c_str(), step.target.c_str()) == 0 || errno == EEXIST ? 0 : errno;
  }
  case step_kind::host_tree: {
    if (const int failed = make_target(step))
      return failed;
    return attach(tree, step.target);
  }
  case step_kind::memory:
  case step_kind::proc:
    return add_mount(step, tree);
  case step_kind::devpts:
    break;
  }
  return EINVAL;
}

} // namespace

result<unique_fd> new_mount(const char* type,
                            const std::vector<std::pair<const char*, std::string>>& options,
                            std::uint64_t flags) {
  const auto broken = [&](const char* option) {
    const int failed = errno;
    auto failure = errno_error(failed == EPERM || failed == EACCES ? errc::permission_denied
                                                                   : errc::start_failed,
                               std::string("cannot mount a ") + type + " in the sandbox", failed);
    if (*option != '\0')
      failure.evidence.emplace_back("option", std::string(option));
    return fail(std::move(failure));
  };
  const unique_fd context(::fsopen(type, FSOPEN_CLOEXEC));
  if (!context)
    return broken("");
  for (const auto& [name, value] : options)
    if (::fsconfig(context.get(), value.empty() ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, name,
                   value.empty() ? nullptr : value.c_str(), 0) != 0)
      return broken(name);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return broken("");
  unique_fd made(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(flags)));
  if (!made)
    return broken("");
  return made;
}

result<void> carry_out(const root_plan& plan, const host_trees& trees,
                       const std::vector<unique_fd>& memory, const unique_fd& proc,
                       bool has_other_ids) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto& step = plan.steps[i];
    if (step.kind == step_kind::devpts) {
      if (auto done = add_terminals(step, has_other_ids); !done)
        return done;
      continue;
    }
    const auto* mount = &trees.by_step[i];
    if (step.kind == step_kind::proc)
      mount = &proc;
    else if (step.kind == step_kind::memory && !memory.empty())
      mount = &memory[i];
    const int failed = add(step, *mount, has_other_ids);
    if (failed != 0 && !(step.optional && failed != ENOSPC))
      return fail(cannot(step, failed));
  }
  return {};
}

} // namespace sandfleet::launcher
