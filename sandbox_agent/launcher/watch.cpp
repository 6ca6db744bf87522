#include "sandbox_agent/launcher/watch.hpp"

#include "runtime/core/text.hpp"
#include "sandbox_agent/launcher/descendants.hpp"
#include "sandbox_agent/launcher/events.hpp"
#include "sandbox_agent/launcher/failure_pipe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

namespace sandfleet::launcher {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t max_log = 4096;
constexpr std::size_t max_command = 128;
constexpr milliseconds default_grace{2'000};
constexpr std::int64_t max_grace_ms = 3'600'000;

/// Reads what is there. False at the end (or when the other side has broken off).
bool read_some(int fd, std::string& into) {
  char buffer[4096];
  const auto n = ::read(fd, buffer, sizeof buffer);
  if (n < 0)
    return errno == EINTR || errno == EAGAIN;
  into.append(buffer, static_cast<std::size_t>(n));
  return n > 0;
}

class watcher {
 public:
  watcher(sandbox& box, isolation_mode isolation) : box_(box), isolation_(isolation) {
    sigset_t wanted;
    ::sigemptyset(&wanted);
    ::sigaddset(&wanted, SIGCHLD);
    ::sigaddset(&wanted, SIGTERM);
    signals_ = unique_fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  ending run() {
    while (!ended_)
      step();
    drain();
    return std::move(ending_);
  }

 private:
  void step() {
    std::array<pollfd, 5> fds = {{{commands_open_ ? STDIN_FILENO : -1, POLLIN, 0},
                                  {signals_.get(), POLLIN, 0},
                                  {box_.failure.get(), POLLIN, 0},
                                  {box_.ready.get(), POLLIN, 0},
                                  {box_.log.get(), POLLIN, 0}}};
    const int count = ::poll(fds.data(), fds.size(), time_left());
    if (count == 0 && kill_at_) {
      kill_at_.reset();
      kill_all();
    }
    if (fds[2].revents != 0)
      on_failure_pipe();
    if (fds[3].revents != 0)
      on_ready_pipe();
    if (fds[4].revents != 0)
      on_log();
    if (fds[0].revents != 0)
      on_commands();
    if (fds[1].revents != 0)
      on_signal();
  }

  [[nodiscard]] int time_left() const {
    if (!kill_at_)
      return -1;
    const auto left = std::chrono::ceil<milliseconds>(*kill_at_ - clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }

  void on_failure_pipe() {
    if (read_some(box_.failure.get(), failure_))
      return;
    box_.failure.reset();
    if (failure_.empty())
      emit(started_event(box_.process));
  }

  void on_ready_pipe() {
    const bool more = read_some(box_.ready.get(), ready_);
    if (ready_.starts_with("ready\n"))
      emit("ready\n");
    else if (more && ready_.size() < max_command)
      return;
    box_.ready.reset();
  }

  void on_log() {
    if (!read_some(box_.log.get(), ending_.log))
      box_.log.reset();
    if (ending_.log.size() > max_log)
      ending_.log.erase(0, ending_.log.size() - max_log);
  }

  void on_commands() {
    commands_open_ = read_some(STDIN_FILENO, commands_);
    std::size_t end = 0;
    while ((end = commands_.find('\n')) != std::string::npos) {
      on_command(std::string_view(commands_).substr(0, end));
      commands_.erase(0, end + 1);
    }
    // The owner has gone, or has lost its mind: nobody waits for a graceful end.
    if (!commands_open_ || commands_.size() > max_command)
      stop(milliseconds{0});
  }

  void on_command(std::string_view command) {
    const auto words = core::split(core::trim(command), ' ');
    if (words[0] == "stop" && words.size() == 2) {
      const auto grace = core::parse_integer(words[1]).value_or(0);
      stop(milliseconds{std::clamp<std::int64_t>(grace, 0, max_grace_ms)});
    } else if (words[0] == "pause" || words[0] == "resume") {
      const bool pause = words[0] == "pause";
      if (const auto done = box_.group->set_paused(pause); !done) {
        emit(refused_event(words[0], done.error()));
        return;
      }
      paused_ = pause;
      emit(paused_event(pause));
    } else {
      emit(refused_event(command, make_error(errc::invalid_argument, "not a command")));
    }
  }

  void on_signal() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info)
      if (info.ssi_signo == SIGTERM)
        stop(default_grace);
    // One SIGCHLD may stand for many children: orphans come to this process in isolation 'none'.
    int status = 0;
    pid_t reaped = 0;
    while ((reaped = ::waitpid(-1, &status, WNOHANG)) > 0)
      if (reaped == box_.process) {
        ending_.status = status;
        ended_ = true;
      }
  }

  void stop(milliseconds grace) {
    if (grace.count() == 0) {
      kill_at_.reset();
      kill_all();
      return;
    }
    const auto at = clock::now() + grace;
    kill_at_ = kill_at_ ? std::min(*kill_at_, at) : at;
    ::kill(box_.process, SIGTERM);
    thaw();
  }

  void kill_all() {
    ::kill(box_.process, SIGKILL);
    thaw();
  }

  /// What is frozen does not die.
  void thaw() {
    if (std::exchange(paused_, false))
      (void)box_.group->set_paused(false);
  }

  void drain() {
    if (box_.log) {
      pollfd log{box_.log.get(), POLLIN, 0};
      while (box_.log && ::poll(&log, 1, 0) > 0)
        on_log();
    }
    while (box_.failure && read_some(box_.failure.get(), failure_)) {
    }
    ending_.failure = decode_failure(failure_);
    box_.lifeline.reset();
    if (isolation_ == isolation_mode::none)
      kill_descendants();
  }

  sandbox& box_;
  isolation_mode isolation_;
  unique_fd signals_;
  std::string commands_;
  std::string failure_;
  std::string ready_;
  std::optional<clock::time_point> kill_at_;
  bool commands_open_ = true;
  bool paused_ = false;
  bool ended_ = false;
  ending ending_;
};

} // namespace

ending watch(sandbox& box, isolation_mode isolation) {
  return watcher(box, isolation).run();
}

} // namespace sandfleet::launcher
