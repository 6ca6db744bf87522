#include "sandbox_agent/launcher/new_root.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mount.h>

namespace sandfleet::launcher {

namespace {

/// A copy of the mounts at and below `path`, invisible to all others and to what they do later.
/// 0 or an errno.
int take(const std::string& path, std::uint64_t flags, unique_fd& tree) {
  unique_fd copy(
      ::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!copy)
    return errno;
  mount_attr attributes{};
  attributes.attr_set = flags;
  attributes.propagation = MS_PRIVATE;
  if (::mount_setattr(copy.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                      sizeof attributes) != 0)
    return errno;
  tree = std::move(copy);
  return 0;
}

std::uint64_t flags_of(const mount_step& step) {
  std::uint64_t flags = MOUNT_ATTR_NOSUID;
  if (!step.is_device)
    flags |= MOUNT_ATTR_NODEV;
  if (step.read_only)
    flags |= MOUNT_ATTR_RDONLY;
  return flags;
}

error cannot_take(const std::string& what, int error_number, bool is_tasks) {
  auto failure = errno_error(errc::start_failed, "cannot mount " + what, error_number);
  if (error_number == ENOSYS)
    failure.hint = "Linux 5.12 or later is needed";
  if (is_tasks) {
    failure.code = error_number == ENOENT ? errc::not_found : errc::permission_denied;
    failure.blame = failure_class::task;
  }
  return failure;
}

int map_ids(const unique_fd& tree, int user_namespace) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(user_namespace);
  return ::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                         sizeof attributes) == 0
             ? 0
             : errno;
}

} // namespace

result<host_trees> take_host_trees(const root_plan& plan, const std::string& scratch_dir) {
  host_trees trees;
  trees.by_step.resize(plan.steps.size());
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto& step = plan.steps[i];
    if (step.kind != step_kind::host_tree)
      continue;
    if (const int failed = take(step.text, flags_of(step), trees.by_step[i]))
      return fail(cannot_take((step.is_volume ? "volume '" : "'") + step.text + "'", failed,
                              step.is_volume));
  }
  if (!plan.lower.empty()) {
    constexpr std::uint64_t flags = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    if (const int failed = take(plan.lower, flags, trees.lower))
      return fail(cannot_take("image '" + plan.lower + "'", failed, true));
    if (const int failed = take(scratch_dir, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, trees.scratch))
      return fail(cannot_take("'" + scratch_dir + "'", failed, false));
  }
  return trees;
}

std::vector<std::string> map_tree_ids(const root_plan& plan, host_trees& trees,
                                      int user_namespace) {
  std::vector<std::string> failures;
  const auto map = [&](const unique_fd& tree, const std::string& what) {
    if (const int failed = tree ? map_ids(tree, user_namespace) : 0)
      failures.push_back(what +
                         " keeps the machine's ids: its file system has no id-mapped mounts (" +
                         std::strerror(failed) + ")");
  };
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    if (plan.steps[i].is_volume)
      map(trees.by_step[i], "volume '" + plan.steps[i].text + "'");
  map(trees.lower, "image '" + plan.lower + "'");
  return failures;
}

} // namespace sandfleet::launcher
