// sandfleet-launcher: makes one local sandbox, starts the agent in it, and takes it away again.

#include "runtime/core/test_stop.hpp"
#include "runtime/core/text.hpp"
#include "sandbox_agent/launcher/controls.hpp"
#include "sandbox_agent/launcher/events.hpp"
#include "sandbox_agent/launcher/oom_victims.hpp"
#include "sandbox_agent/launcher/remove_tree.hpp"
#include "sandbox_agent/launcher/request.hpp"
#include "sandbox_agent/launcher/sandbox.hpp"
#include "sandbox_agent/launcher/unique_fd.hpp"
#include "sandbox_agent/launcher/watch.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace sandfleet::launcher {

namespace {

constexpr int usage_status = 2;

constexpr const char* usage =
    "usage: sandfleet-launcher --args FD      make a sandbox as the NUL-separated list says\n"
    "       sandfleet-launcher --remove DIR   remove what a sandbox left in a directory\n";

result<std::string> read_arguments(int fd) {
  std::string bytes;
  char buffer[16'384];
  for (;;) {
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n == 0)
      return bytes;
    if (n > 0)
      bytes.append(buffer, static_cast<std::size_t>(n));
    else if (errno != EINTR)
      return fail(errno_error(errc::invalid_argument, "cannot read the arguments", errno));
  }
}

/// Signals come by descriptor; a terminal's reach the owner, which decides.
void prepare_process() {
  ::setsid();
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  sigset_t watched;
  ::sigemptyset(&watched);
  ::sigaddset(&watched, SIGCHLD);
  ::sigaddset(&watched, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
}

/// Without control groups: what the kernel counted for the processes that were waited for; the peak
/// is then that of the largest one.
resource_usage used_by(const control_group& group) {
  auto used = group.usage();
  rusage counted{};
  if (::getrusage(RUSAGE_CHILDREN, &counted) != 0)
    return used;
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  if (!used.cpu_seconds)
    used.cpu_seconds = seconds(counted.ru_utime) + seconds(counted.ru_stime);
  if (!used.peak_memory_mb)
    used.peak_memory_mb = static_cast<double>(counted.ru_maxrss) / 1024;
  return used;
}

int run(int arguments_fd) {
  prepare_process();
  auto bytes = read_arguments(arguments_fd);
  ::close(arguments_fd);
  // What else was inherited (the lock on this sandbox's entry) is for this process alone.
  ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  if (!bytes) {
    emit(failed_event(bytes.error(), ""));
    return 1;
  }
  const auto wanted = parse_request(split_arguments(*bytes));
  if (!wanted) {
    emit(failed_event(wanted.error(), ""));
    return 1;
  }
  core::test_stop(core::test_stage::launcher_began);
  auto box = make_sandbox(*wanted);
  if (!box) {
    emit(failed_event(box.error(), ""));
    return 1;
  }
  std::string told;
  for (const auto& warning : box->warnings)
    told += warning_event(warning);
  emit(told + limits_event(box->limits, box->group->can_pause()));
  controls others;
  const auto end = watch(*box, *wanted, others);
  const auto used = used_by(*box->group);
  core::test_stop(core::test_stage::launcher_ended);
  std::string last;
  for (const auto& left : clean_up(*wanted, box->group.get(), box->ids))
    last += warning_event(left);
  if (end.kept)
    if (const int failed = remove_tree_of(wanted->state_dir, box->ids))
      last += warning_event("cannot remove '" + wanted->state_dir + "': " + std::strerror(failed));
  core::test_stop(core::test_stage::launcher_removed);
  const auto victims =
      used.oom_kills.value_or(0) > 0 ? find_oom_victims(wanted->id) : std::string();
  last += end.failure ? failed_event(*end.failure, end.log)
                      : exited_event(end.status, used, end.log, victims);
  emit(last);
  others.tell(last);
  return end.failure ? 1 : 0;
}

int remove(const std::string& dir) {
  const int failed = remove_tree_of(dir, plan_id_map(read_id_facts(), dir));
  if (failed == 0)
    return 0;
  std::fprintf(stderr, "sandfleet-launcher: cannot remove '%s': %s\n", dir.c_str(),
               std::strerror(failed));
  return 1;
}

} // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--remove") == 0 && argv[2][0] == '/')
    return remove(argv[2]);
  if (argc == 3 && std::strcmp(argv[1], "--args") == 0)
    if (const auto fd = core::parse_integer(argv[2]); fd && *fd >= 0 && *fd <= 1'000'000)
      return run(static_cast<int>(*fd));
  std::fputs(usage, stderr);
  return usage_status;
}

} // namespace sandfleet::launcher

int main(int argc, char** argv) {
  return sandfleet::launcher::main(argc, argv);
}
