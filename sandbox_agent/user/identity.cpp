#include "sandbox_agent/user/identity.hpp"

#include <cerrno>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace {

constexpr long unchanged = -1;

std::optional<identity>& current() {
  static std::optional<identity> whom;
  return whom;
}

/// The C library's own would have all threads do it, and so wait for them.
bool set_effective(long uid, long gid, bool group_first) {
  const auto group = [&] { return ::syscall(SYS_setresgid, unchanged, gid, unchanged) == 0; };
  const auto user = [&] { return ::syscall(SYS_setresuid, unchanged, uid, unchanged) == 0; };
  return group_first ? group() && user() : user() && group();
}

} // namespace

void run_as(std::optional<identity> whom) {
  current() = std::move(whom);
}

const std::optional<identity>& runs_as() {
  return current();
}

int become(const identity& whom) {
  if (whom.sets_groups && ::syscall(SYS_setgroups, whom.groups.size(), whom.groups.data()) != 0)
    return errno;
  if (::syscall(SYS_setresgid, whom.gid, whom.gid, whom.gid) != 0 ||
      ::syscall(SYS_setresuid, whom.uid, whom.uid, whom.uid) != 0)
    return errno;
  return 0;
}

int try_identity(identity& whom) {
  const auto attempt = [&] {
    const pid_t child = ::fork();
    if (child == 0)
      ::_exit(become(whom));
    int status = 0;
    pid_t got = 0;
    do
      got = child < 0 ? -1 : ::waitpid(child, &status, 0);
    while (got < 0 && child > 0 && errno == EINTR);
    if (got < 0)
      return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
  };
  whom.sets_groups = true;
  const int refused = attempt();
  // Without groups of our own there are none to give up. Else the user would keep root's.
  if (refused != EPERM || ::getgroups(0, nullptr) != 0)
    return refused;
  whom.sets_groups = false;
  return attempt();
}

acting_as_user::acting_as_user()
    : uid_(::geteuid()), gid_(::getegid()), acts_(current() && current()->uid != uid_) {
  if (!acts_)
    return;
  const int kept = errno;
  ::prctl(PR_GET_PDEATHSIG, &parent_death_signal_);
  acts_ = set_effective(current()->uid, current()->gid, true);
  if (!acts_)
    set_effective(uid_, gid_, false);
  errno = kept;
}

acting_as_user::~acting_as_user() {
  if (!acts_)
    return;
  const int kept = errno;
  if (!set_effective(uid_, gid_, false))
    ::_exit(125); // half a root is no state to go on in
  ::prctl(PR_SET_PDEATHSIG, parent_death_signal_);
  errno = kept;
}

keep_dumpable::keep_dumpable() : before_(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)) {}

keep_dumpable::~keep_dumpable() {
  if (before_ == 1)
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

} // namespace sandfleet::agent
