#pragma once

#include <string>

namespace sandfleet::agent {

/// The name of the user that processes are started as: the one of `run_as`, else this process's own
/// as /etc/passwd has it, else its number. Read by hand: a static program cannot rely on the C
/// library's name services.
[[nodiscard]] std::string own_user_name();

/// The host's name up to its first dot, as bash's \h.
[[nodiscard]] std::string own_host_name();

} // namespace sandfleet::agent
