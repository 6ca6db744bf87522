#pragma once

#include "sandbox_agent/launcher/cgroup.hpp"
#include "sandbox_agent/launcher/id_map.hpp"
#include "sandbox_agent/launcher/request.hpp"
#include "sandbox_agent/launcher/unique_fd.hpp"

#include <sandfleet/error.hpp>

#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sandfleet::launcher {

/// A sandbox whose first process exists. Ends of pipes are the launcher's.
struct sandbox {
  pid_t process = -1;
  std::unique_ptr<control_group> group;
  limits_report limits;
  std::vector<std::string> warnings;
  id_map ids;
  unique_fd lifeline; ///< the agent ends when this is closed
  unique_fd failure;  ///< a failure to start the agent, or the end when that runs
  unique_fd ready;    ///< the agent's word that it is ready
  unique_fd log;      ///< the agent's standard error
};

/// Makes control groups, namespaces and the process in them. What it makes outside the sandbox is
/// noted in the state directory first ("cgroups", "init"), so that another process can remove it.
[[nodiscard]] result<sandbox> make_sandbox(const request& wanted);

/// Removes what `make_sandbox` made outside the sandbox, whose processes have ended, and what the
/// sandbox left in its state directory. Returns what could not be removed, one text each.
std::vector<std::string> clean_up(const request& wanted, control_group* group, const id_map& ids);

} // namespace sandfleet::launcher
