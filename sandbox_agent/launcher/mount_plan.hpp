#pragma once

#include "sandbox_agent/launcher/host_view.hpp"
#include "sandbox_agent/launcher/request.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sandfleet::launcher {

enum class step_kind : std::uint8_t {
  directory,       ///< made when missing, parents too
  file,            ///< made or replaced, holding `text`
  file_if_missing, ///< made, holding `text`, unless there is one
  symlink,         ///< to `text`
  host_tree,       ///< the host's `text` bound on a target that is made when missing
  proc,
  devpts,
  memory, ///< an empty directory of the sandbox's own, whatever the image has there
};

/// One thing to put into the new root. Steps are carried out in order, by paths that are resolved
/// inside the new root alone.
struct mount_step {
  step_kind kind = step_kind::directory;
  std::string target;
  std::string text;
  unsigned mode = 0755;
  bool read_only = false; ///< host_tree
  bool is_device = false; ///< host_tree: device files stay usable
  bool is_dir = false;    ///< host_tree: what kind of target to make
  bool is_volume = false; ///< host_tree: the task asked for it; mapped to the sandbox's ids
  bool for_user = false;  ///< directory: given to the sandbox's ordinary user, where there is one
  bool optional = false;  ///< an image whose files belong to other ids may not allow it

  friend bool operator==(const mount_step&, const mount_step&) = default;
};

/// How the root file system of a sandbox is made.
struct root_plan {
  std::string lower; ///< a directory that is seen through an overlay; empty: an empty root
  std::int64_t disk_mb = 0;
  std::vector<mount_step> steps;
};

/// The most that a sandbox may write when nothing else is said: it is memory.
inline constexpr std::int64_t default_disk_mb = 1024;

/// Where the agent's program stands in every sandbox.
inline constexpr const char* agent_path = "/run/sandfleet/agent";

/// The plan for a request with namespaces. Fails (class task) when the image or a volume does not
/// exist.
[[nodiscard]] result<root_plan> plan_root(const request& wanted, const host_view& host);

namespace detail {
/// The allow-list: of the host's files only what programs need, and nothing that is secret.
void plan_host_files(const request& wanted, const host_view& host, std::vector<mount_step>& steps);
} // namespace detail

} // namespace sandfleet::launcher
