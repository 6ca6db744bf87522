#include "sandbox_agent/launcher/new_root.hpp"

#include "sandbox_agent/launcher/root_steps.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

namespace sandfleet::launcher {

namespace {

constexpr std::uint64_t writable_flags = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

tl::unexpected<error> broken(const std::string& what, int error_number = errno) {
  return fail(errno_error(errc::start_failed, what, error_number));
}

result<unique_fd> memory_root(std::int64_t disk_mb) {
  // A file takes at least a page of the size limit but for its inode, which is not counted.
  const auto inodes = std::max<std::int64_t>(4096, disk_mb * 256);
  return new_mount("tmpfs",
                   {{"size", std::to_string(disk_mb) + "m"},
                    {"nr_inodes", std::to_string(inodes)},
                    {"mode", "0755"}},
                   writable_flags);
}

result<void> attach(const unique_fd& mount, const char* path) {
  if (::move_mount(mount.get(), "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return broken(std::string("cannot attach a mount at ") + path);
  return {};
}

/// For each step of that kind a directory of the memory file system in the current directory, as a
/// mount that is attached nowhere.
result<std::vector<unique_fd>> take_memory(const root_plan& plan) {
  std::vector<unique_fd> taken(plan.steps.size());
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.steps[i].kind != step_kind::memory)
      continue;
    const auto name = "memory" + std::to_string(i);
    if (::mkdir(name.c_str(), 0700) != 0 || ::chmod(name.c_str(), plan.steps[i].mode) != 0)
      return broken("cannot prepare directories in memory");
    taken[i] = unique_fd(::open_tree(AT_FDCWD, name.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!taken[i])
      return broken("cannot prepare directories in memory");
  }
  return taken;
}

/// In the current directory, the root of the sandbox's memory file system, makes an overlay over
/// the image and goes to its root.
result<void> enter_overlay(const host_trees& trees) {
  for (const char* dir : {"lower", "upper", "work", "root"})
    if (::mkdir(dir, 0755) != 0)
      return broken("cannot prepare an overlay");
  if (auto done = attach(trees.lower, "lower"); !done)
    return done;
  std::string upper = "upper";
  std::string work = "work";
  if (!memory_keeps_marks()) {
    if (::mkdir("scratch", 0755) != 0)
      return broken("cannot prepare an overlay");
    if (auto done = attach(trees.scratch, "scratch"); !done)
      return done;
    upper = "scratch/upper";
    work = "scratch/work";
    if (::mkdir(upper.c_str(), 0755) != 0 || ::mkdir(work.c_str(), 0755) != 0)
      return broken("cannot prepare an overlay on disk");
    if (::setxattr(upper.c_str(), "user.overlay.probe", "", 0, 0) != 0)
      return fail(
          make_error(errc::unsupported, "no place for what the sandbox writes over its image")
              .with_cause("neither memory (before Linux 6.6) nor the state directory can "
                          "keep an overlay's marks (extended attributes 'user.*')")
              .with_hint("set state_dir to a directory on ext4, xfs or btrfs"));
  }
  auto overlay = new_mount(
      "overlay", {{"lowerdir", "lower"}, {"upperdir", upper}, {"workdir", work}, {"userxattr", ""}},
      writable_flags);
  if (!overlay)
    return fail(std::move(overlay.error())
                    .with_hint("the image must be a directory that an overlay accepts as its lower "
                               "layer (not on a network or FUSE file system)"));
  if (auto done = attach(*overlay, "root"); !done)
    return done;
  if (::chdir("root") != 0)
    return broken("cannot enter the overlay");
  return {};
}

/// What can only be made while the machine's own /proc is in sight: the kernel wants to see that a
/// new one shows no more than that.
result<unique_fd> new_proc() {
  auto proc = new_mount("proc", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (!proc && proc.error().code == errc::permission_denied)
    proc.error().hint = "inside a container its /proc must be unmasked: run the container with "
                        "'--security-opt systempaths=unconfined' or use isolation 'none'";
  return proc;
}

} // namespace

bool memory_keeps_marks() {
  // A memfd is a file of the same file system as tmpfs, without a mount.
  const unique_fd file(::memfd_create("probe", MFD_CLOEXEC));
  return file && ::fsetxattr(file.get(), "user.sandfleet.probe", "", 0, 0) == 0;
}

result<void> enter_new_root(const root_plan& plan, const host_trees& trees, int base,
                            bool has_other_ids) {
  auto proc = new_proc();
  if (!proc)
    return fail(proc.error());
  auto root = memory_root(plan.disk_mb);
  if (!root)
    return fail(root.error());
  if (::move_mount(root->get(), "", base, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) !=
      0)
    return broken("cannot attach the new root");
  if (::fchdir(root->get()) != 0)
    return broken("cannot enter the new root");
  std::vector<unique_fd> memory;
  if (!plan.lower.empty()) {
    auto taken = take_memory(plan);
    if (!taken)
      return fail(taken.error());
    memory = std::move(*taken);
    if (auto done = enter_overlay(trees); !done)
      return done;
  }
  // Stacks the old root over the new one at '/', from where it is taken away with all below it.
  if (::syscall(SYS_pivot_root, ".", ".") != 0)
    return broken("cannot change the root");
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0)
    return broken("cannot leave the old root");
  return carry_out(plan, trees, memory, *proc, has_other_ids);
}

} // namespace sandfleet::launcher
