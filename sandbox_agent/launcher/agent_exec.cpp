#include "sandbox_agent/launcher/agent_exec.hpp"

#include "sandbox_agent/launcher/failure_pipe.hpp"
#include "sandbox_agent/launcher/file_text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace sandfleet::launcher {

namespace {

constexpr int listener_fd = 3;
constexpr int ready_fd = 4;
constexpr int lifeline_fd = 5;
constexpr int failure_fd = 6;
constexpr int first_commands_fd = 7;
constexpr rlim_t max_files = 65'536;

/// Gives each descriptor its number. All are first moved out of the way of those numbers.
bool arrange(const agent_descriptors& from, int null) {
  std::vector<int> sources = {null,       null,          from.log,    from.listener,
                              from.ready, from.lifeline, from.failure};
  sources.insert(sources.end(), from.commands_files.begin(), from.commands_files.end());
  if (from.memory_events >= 0)
    sources.push_back(from.memory_events);
  constexpr int out_of_the_way = 32;
  std::vector<int> moved(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i)
    if ((moved[i] = ::fcntl(sources[i], F_DUPFD_CLOEXEC, out_of_the_way)) < 0)
      return false;
  for (std::size_t i = 0; i < moved.size(); ++i)
    if (::dup2(moved[i], static_cast<int>(i)) < 0)
      return false;
  ::fcntl(failure_fd, F_SETFD, FD_CLOEXEC);
  return ::syscall(SYS_close_range, moved.size(), ~0U, 0) == 0;
}

/// By system call: the C library hides two signals, which it leaves ignored in what it spawns.
void reset_signals() {
  constexpr std::size_t kernel_sigset = 8;
  const std::array<unsigned long, 4> usual{}; // handler, flags, restorer, mask
  for (int number = 1; number < NSIG; ++number)
    ::syscall(SYS_rt_sigaction, number, usual.data(), nullptr, kernel_sigset);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void set_limits() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_max = std::min(files.rlim_max, max_files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  // A limit of one byte makes no core file, and is the only one that also keeps the kernel from
  // handing the dump to a program or socket of the machine's, which the task must not bring back.
  rlimit core{};
  if (::getrlimit(RLIMIT_CORE, &core) == 0) {
    core.rlim_cur = std::min<rlim_t>(core.rlim_max, 1);
    const auto pattern = read_text("/proc/sys/kernel/core_pattern");
    if (pattern.starts_with('|') || pattern.starts_with('@'))
      core.rlim_max = core.rlim_cur;
    ::setrlimit(RLIMIT_CORE, &core);
  }
}

} // namespace

void exec_agent(const std::string& program, const request& wanted,
                const agent_descriptors& descriptors) {
  int report = descriptors.failure;
  if (::chdir(wanted.workspace.c_str()) != 0)
    report_and_exit(report, errno_error(errc::start_failed,
                                        "cannot enter the workspace " + wanted.workspace, errno)
                                .blamed_on(failure_class::task));
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0)
    report_and_exit(report, errno_error(errc::start_failed, "cannot open /dev/null", errno));

  std::vector<std::string> words = {program,
                                    "--working-dir",
                                    wanted.workspace,
                                    "--listen-fd",
                                    std::to_string(listener_fd),
                                    "--ready-fd",
                                    std::to_string(ready_fd),
                                    "--lifeline-fd",
                                    std::to_string(lifeline_fd)};
  for (std::size_t i = 0; i < descriptors.commands_files.size(); ++i) {
    words.emplace_back("--commands-group-fd");
    words.push_back(std::to_string(first_commands_fd + static_cast<int>(i)));
  }
  if (descriptors.memory_events >= 0) {
    const auto after_commands = first_commands_fd + descriptors.commands_files.size();
    words.insert(words.end(), {"--memory-events-fd", std::to_string(after_commands)});
    if (wanted.limits.memory_mb)
      words.insert(words.end(), {"--memory-limit-mb", std::to_string(*wanted.limits.memory_mb)});
  }
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<char*> environment;
  for (const auto& assignment : wanted.env)
    environment.push_back(const_cast<char*>(assignment.c_str())); // execve does not change it
  environment.push_back(nullptr);

  ::umask(022);
  set_limits();
  reset_signals();
  if (!arrange(descriptors, null))
    report_and_exit(report, errno_error(errc::start_failed, "cannot arrange descriptors", errno));
  report = failure_fd;
  ::execve(program.c_str(), argv.data(), environment.data());
  const int failed = errno;
  auto failure =
      errno_error(errc::start_failed, "cannot start the agent " + wanted.agent_program, failed);
  if (failed == E2BIG)
    failure = std::move(failure)
                  .blamed_on(failure_class::task)
                  .with_hint("a variable of the environment is longer than 128 KiB, or all "
                             "together are too long");
  else if (failed == EACCES)
    failure.hint = "the agent's file must be readable and executable by everyone";
  else if (failed == ENOENT || failed == ENOEXEC)
    failure.hint = "set agent_program to a sandfleet-agent built for this machine";
  report_and_exit(report, failure);
}

} // namespace sandfleet::launcher
