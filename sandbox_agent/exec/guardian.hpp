#pragma once

#include <sandfleet/error.hpp>

#include <functional>

namespace sandfleet::agent {

/// Parts the program in two, so that nothing of it is left when it is killed: the caller goes on in
/// a child, and the guardian, which keeps the process's number, waits for its end, runs `clean_up`,
/// kills what the child has left, and ends as the child did. It passes SIGTERM, SIGINT, SIGHUP,
/// SIGQUIT and SIGCONT on, and both go on, should they be stopped, when who started them dies.
///
/// Returns, in the child alone, a descriptor that is at its end once the guardian is dead: the
/// child then has to kill all that it started, and to end. The two are of different process groups,
/// so that no one signal kills both. For a process with one thread; not for PID 1, with whom the
/// kernel kills all others. Error: `start_failed`.
result<int> begin_guarded(const std::function<void()>& clean_up);

} // namespace sandfleet::agent
