#pragma once

#include "sandbox_agent/launcher/agent_exec.hpp"
#include "sandbox_agent/launcher/cgroup.hpp"
#include "sandbox_agent/launcher/id_map.hpp"
#include "sandbox_agent/launcher/new_root.hpp"

namespace sandfleet::launcher {

/// All that the process needs that becomes process 1 of a sandbox.
struct init_context {
  const request& wanted;
  const root_plan& plan;
  const id_map& ids;
  const control_group& group;
  host_trees* trees = nullptr; ///< taken already, or null: to be taken inside
  std::string scratch_dir;     ///< of `take_host_trees`
  agent_descriptors descriptors;
  int go = -1; ///< yields a byte when the ids are mapped, or ends
  bool host_network = false;
};

/// Runs in the new namespaces, as the copy of a process with one thread: makes the sandbox and
/// becomes its agent; when that fails, reports why and ends the process.
[[noreturn]] void become_sandbox(const init_context& context);

} // namespace sandfleet::launcher
