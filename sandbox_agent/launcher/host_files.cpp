#include "sandbox_agent/launcher/mount_plan.hpp"

#include <algorithm>
#include <array>
#include <fnmatch.h>

namespace sandfleet::launcher {

namespace {

/// Read-only trees of the host. Where the host has links (merged /usr), so has the sandbox.
constexpr std::array system_trees = {"/usr",   "/bin",   "/sbin",   "/lib",
                                     "/lib32", "/lib64", "/libx32", "/opt"};

/// Names (patterns) below /etc that programs want and that hold no secret by their nature. Left out
/// on purpose: /etc/ssl/private, shadow, environment, anything of ssh, package managers' and tools'
/// own settings (pip.conf, npmrc, gitconfig), which hold tokens.
constexpr std::array etc_names = {
    "alternatives",
    "bash.bashrc",
    "bash_completion.d",
    "ca-certificates",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "host.conf",
    "inputrc",
    "java*",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "magic",
    "magic.mime",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "perl",
    "profile",
    "profile.d",
    "protocols",
    "python3*",
    "redhat-release",
    "rpc",
    "services",
    "shells",
    "skel",
    "system-release",
    "terminfo",
    "timezone",
    "vimrc",
    "alpine-release",
    "login.defs",
};

/// Certificates, without the private keys beside them.
constexpr std::array certificate_paths = {
    "/etc/ssl/certs",        "/etc/ssl/openssl.cnf", "/etc/ssl/cert.pem", "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem", "/etc/pki/ca-trust",    "/etc/pki/java",
};

/// A small file is copied, and so may be changed inside; binding saves memory for the others.
constexpr std::int64_t max_copied = 4096;

mount_step written(std::string target, std::string text) {
  mount_step step;
  step.kind = step_kind::file;
  step.target = std::move(target);
  step.text = std::move(text);
  step.mode = 0644;
  return step;
}

/// The host's path at the same place, in the way that fits what it is.
void show(const std::string& path, const host_view& host, std::vector<mount_step>& steps) {
  mount_step step;
  step.target = path;
  switch (host.kind(path)) {
  case file_kind::symlink:
    step.kind = step_kind::symlink;
    step.text = host.link_target(path);
    break;
  case file_kind::file:
    if (host.size(path) <= max_copied) {
      steps.push_back(written(path, host.text(path)));
      return;
    }
    step.kind = step_kind::host_tree;
    step.text = path;
    step.read_only = true;
    break;
  case file_kind::directory:
    step.kind = step_kind::host_tree;
    step.text = path;
    step.read_only = true;
    step.is_dir = true;
    break;
  case file_kind::missing:
  case file_kind::other:
    return;
  }
  steps.push_back(std::move(step));
}

} // namespace

void detail::plan_host_files(const request& wanted, const host_view& host,
                             std::vector<mount_step>& steps) {
  for (const char* tree : system_trees)
    show(tree, host, steps);
  mount_step etc;
  etc.target = "/etc";
  steps.push_back(etc);
  for (const auto& name : host.names("/etc"))
    if (std::ranges::any_of(etc_names, [&](const char* pattern) {
          return ::fnmatch(pattern, name.c_str(), 0) == 0;
        }))
      show("/etc/" + name, host, steps);
  for (const char* path : certificate_paths)
    show(path, host, steps);

  steps.push_back(written("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
                                         "sandbox:x:1000:1000:sandbox:/home/sandbox:/bin/bash\n"
                                         "nobody:x:65534:65534:nobody:/nonexistent:/bin/sh\n"));
  steps.push_back(
      written("/etc/group", "root:x:0:\ntty:x:5:\nsandbox:x:1000:\nnogroup:x:65534:\n"));
  steps.push_back(written("/etc/hostname", wanted.id + "\n"));
  steps.push_back(written("/etc/hosts",
                          "127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t" + wanted.id + "\n"));
  if (wanted.host_network)
    steps.push_back(written("/etc/resolv.conf", host.text("/etc/resolv.conf")));

  for (const char* dir : {"/var", "/var/cache", "/var/lib", "/var/log", "/mnt", "/srv"}) {
    mount_step made;
    made.target = dir;
    steps.push_back(made);
  }
  mount_step link;
  link.kind = step_kind::symlink;
  link.target = "/var/run";
  link.text = "/run";
  steps.push_back(link);
  mount_step home;
  home.target = "/home/sandbox";
  home.for_user = true;
  steps.push_back(home);
}

} // namespace sandfleet::launcher
