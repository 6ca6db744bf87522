#include "sandbox_agent/launcher/mount_plan.hpp"

namespace sandfleet::launcher {

namespace {

using steps = std::vector<mount_step>;

mount_step directory(std::string target, unsigned mode = 0755) {
  mount_step step;
  step.kind = step_kind::directory;
  step.target = std::move(target);
  step.mode = mode;
  return step;
}

mount_step symlink(std::string target, std::string points_to) {
  mount_step step;
  step.kind = step_kind::symlink;
  step.target = std::move(target);
  step.text = std::move(points_to);
  return step;
}

mount_step memory(std::string target, unsigned mode = 0755) {
  auto step = directory(std::move(target), mode);
  step.kind = step_kind::memory;
  return step;
}

mount_step if_possible(mount_step step) {
  step.optional = true;
  return step;
}

void plan_devices(const host_view& host, steps& plan) {
  plan.push_back(memory("/dev"));
  // mknod is refused in a user namespace: the host's device files are bound.
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
    mount_step device;
    device.kind = step_kind::host_tree;
    device.target = device.text = std::string("/dev/") + name;
    device.is_device = true;
    device.read_only = true; // its mode and owner: what it does is not a matter of the mount
    if (host.kind(device.text) != file_kind::missing)
      plan.push_back(device);
  }
  mount_step terminals;
  terminals.kind = step_kind::devpts;
  terminals.target = "/dev/pts";
  plan.push_back(terminals);
  plan.push_back(directory("/dev/shm", 01777));
  plan.push_back(symlink("/dev/ptmx", "pts/ptmx"));
  plan.push_back(symlink("/dev/fd", "/proc/self/fd"));
  plan.push_back(symlink("/dev/stdin", "/proc/self/fd/0"));
  plan.push_back(symlink("/dev/stdout", "/proc/self/fd/1"));
  plan.push_back(symlink("/dev/stderr", "/proc/self/fd/2"));
}

void plan_image_files(const request& wanted, const host_view& host, steps& plan) {
  mount_step file;
  file.kind = step_kind::file_if_missing;
  file.mode = 0644;
  file.optional = true;
  file.target = "/etc/hosts";
  file.text = "127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t" + wanted.id + "\n";
  plan.push_back(file);
  file.target = "/etc/hostname";
  file.text = wanted.id + "\n";
  plan.push_back(file);
  if (wanted.host_network) {
    file.kind = step_kind::file;
    file.target = "/etc/resolv.conf";
    file.text = host.text("/etc/resolv.conf");
    plan.push_back(file);
  }
}

/// The file behind a volume's path may be a link: its kind is that of what it leads to.
file_kind followed_kind(const host_view& host, std::string path) {
  constexpr int max_links = 40;
  for (int i = 0; i < max_links; ++i) {
    const auto kind = host.kind(path);
    if (kind != file_kind::symlink)
      return kind;
    auto target = host.link_target(path);
    path = target.starts_with('/') ? target : path.substr(0, path.find_last_of('/') + 1) + target;
  }
  return file_kind::missing;
}

result<mount_step> plan_volume(const volume& v, const host_view& host) {
  const auto kind = followed_kind(host, v.host_path);
  if (kind == file_kind::missing)
    return fail(make_error(errc::not_found, "volume '" + v.host_path + "' does not exist")
                    .with_cause("no such file or directory on this machine, or not accessible")
                    .with_hint("make it first, or correct the path before the ':'"));
  mount_step step;
  step.kind = step_kind::host_tree;
  step.text = v.host_path;
  step.target = v.sandbox_path;
  step.read_only = v.read_only;
  step.is_dir = kind == file_kind::directory;
  step.is_volume = true;
  return step;
}

result<std::string> check_image(const request& wanted, const host_view& host) {
  std::string dir(rootfs_path(wanted));
  while (dir.size() > 1 && dir.ends_with('/'))
    dir.pop_back();
  if (dir.empty())
    return dir;
  if (dir == "/")
    return fail(make_error(errc::invalid_argument, "image 'rootfs:/' is refused")
                    .with_cause("it would show this machine's own files and sockets")
                    .with_hint("use image 'host', or unpack an image into a directory"));
  if (followed_kind(host, dir) != file_kind::directory)
    return fail(make_error(errc::not_found, "image '" + wanted.image + "' is not a directory")
                    .with_hint("unpack the image's files into " + dir));
  return dir;
}

} // namespace

result<root_plan> plan_root(const request& wanted, const host_view& host) {
  root_plan plan;
  plan.disk_mb = wanted.limits.disk_mb.value_or(default_disk_mb);
  auto lower = check_image(wanted, host);
  if (!lower)
    return fail(lower.error());
  plan.lower = *lower;
  const bool is_image = !plan.lower.empty();

  if (!is_image)
    detail::plan_host_files(wanted, host, plan.steps);
  mount_step proc;
  proc.kind = step_kind::proc;
  proc.target = "/proc";
  plan.steps.push_back(proc);
  plan_devices(host, plan.steps);
  plan.steps.push_back(memory("/tmp", 01777));
  plan.steps.push_back(memory("/run"));
  plan.steps.push_back(directory("/run/sandfleet"));
  plan.steps.push_back(if_possible(directory("/var/tmp", 01777)));
  plan.steps.push_back(if_possible(directory("/home")));
  plan.steps.push_back(if_possible(directory("/root", 0700)));
  if (is_image)
    plan_image_files(wanted, host, plan.steps);
  plan.steps.push_back(directory(wanted.workspace));

  mount_step agent;
  agent.kind = step_kind::host_tree;
  agent.text = wanted.agent_program;
  agent.target = agent_path;
  agent.read_only = true;
  plan.steps.push_back(agent);
  for (const auto& v : wanted.volumes) {
    auto step = plan_volume(v, host);
    if (!step)
      return fail(step.error());
    plan.steps.push_back(std::move(*step));
  }
  return plan;
}

} // namespace sandfleet::launcher
