#include "sandbox_agent/launcher/watch.hpp"

#include "runtime/core/line_splitter.hpp"
#include "sandbox_agent/launcher/command.hpp"
#include "sandbox_agent/launcher/descendants.hpp"
#include "sandbox_agent/launcher/events.hpp"
#include "sandbox_agent/launcher/failure_pipe.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <poll.h>
#include <span>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <vector>

namespace sandfleet::launcher {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* control_name = "/control.sock";
constexpr std::size_t max_log = 4096;
constexpr std::size_t max_command = 128;
constexpr milliseconds default_grace{2'000};

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
  watcher(sandbox& box, const request& wanted, controls& others)
      : box_(box), wanted_(wanted), others_(others),
        end_of_life_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
    sigset_t watched;
    ::sigemptyset(&watched);
    ::sigaddset(&watched, SIGCHLD);
    ::sigaddset(&watched, SIGTERM);
    signals_ = unique_fd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  ending run() {
    while (!ended_)
      step();
    drain();
    return std::move(ending_);
  }

 private:
  void step() {
    std::vector<pollfd> fds = {{commands_open_ ? STDIN_FILENO : -1, POLLIN, 0},
                               {signals_.get(), POLLIN, 0},
                               {box_.failure.get(), POLLIN, 0},
                               {box_.ready.get(), POLLIN, 0},
                               {box_.log.get(), POLLIN, 0},
                               {end_of_life_.get(), POLLIN, 0}};
    const auto own = fds.size();
    others_.add_to(fds);
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
    others_.on_polled(
        std::span(fds).subspan(own), [this] { return greeting(); },
        [this](std::string_view command, controller& from) { on_command(command, &from); });
    if (fds[5].revents != 0)
      on_end_of_life();
    if (fds[1].revents != 0)
      on_signal();
  }

  /// Tells everybody.
  void tell(std::string_view lines) {
    emit(lines);
    others_.tell(lines);
  }

  /// What whoever connects to a kept sandbox has to know.
  [[nodiscard]] std::string greeting() const {
    return limits_event(box_.limits, box_.group->can_pause()) +
           (paused_ ? paused_event(true) : std::string()) + "ready\n";
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
    std::string bytes;
    commands_open_ = read_some(STDIN_FILENO, bytes);
    commands_.feed(bytes, [this](std::string_view line) { on_command(line, nullptr); });
    if (commands_.dropped()) // the owner has lost its mind
      commands_open_ = false;
    // Nobody waits for a graceful end.
    if (!commands_open_ && !ending_.kept)
      stop(milliseconds{0});
  }

  /// `from` is null for the owner.
  void on_command(std::string_view line, controller* from) {
    const auto wanted = parse_command(line);
    if (!wanted) {
      answer(from, refused_event(line, make_error(errc::invalid_argument, "not a command")));
      return;
    }
    switch (wanted->what) {
    case command::kind::stop:
      tell_others(stopping_event("asked"), from);
      stop(wanted->span);
      break;
    case command::kind::pause:
    case command::kind::resume:
      set_paused(wanted->what == command::kind::pause, from);
      break;
    case command::kind::keep:
      keep(wanted->span, from);
      break;
    }
  }

  static void answer(controller* to, std::string_view lines) {
    if (to != nullptr)
      to->tell(lines);
    else
      emit(lines);
  }

  void tell_others(std::string_view lines, const controller* but) {
    if (!ending_.kept)
      return;
    if (but != nullptr)
      emit(lines);
    others_.tell(lines, but);
  }

  void set_paused(bool pause, controller* from) {
    if (const auto done = box_.group->set_paused(pause); !done) {
      answer(from, refused_event(pause ? "pause" : "resume", done.error()));
      return;
    }
    paused_ = pause;
    tell(paused_event(pause));
  }

  /// From now on the owner's end is not the sandbox's, but the end of `life` is; 0: none.
  void keep(milliseconds life, controller* from) {
    if (!ending_.kept) {
      if (const auto open = others_.open(wanted_.state_dir + control_name); !open) {
        answer(from, refused_event("keep", open.error()));
        return;
      }
      ending_.kept = true;
      // The owner's directory is not this process's to hold.
      if (::chdir("/") != 0)
        emit(warning_event("cannot leave the directory in which it was started"));
    }
    itimerspec timer{};
    timer.it_value.tv_sec = life.count() / 1000;
    timer.it_value.tv_nsec = life.count() % 1000 * 1'000'000;
    ::timerfd_settime(end_of_life_.get(), 0, &timer, nullptr);
    tell(kept_event(life.count()));
  }

  void on_end_of_life() {
    std::uint64_t count = 0;
    if (::read(end_of_life_.get(), &count, sizeof count) != sizeof count)
      return;
    tell(stopping_event("expired"));
    stop(default_grace);
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
    if (wanted_.isolation == isolation_mode::none)
      kill_descendants();
  }

  sandbox& box_;
  const request& wanted_;
  controls& others_;
  unique_fd signals_;
  unique_fd end_of_life_; ///< a timer that counts on while the machine sleeps
  core::line_splitter commands_{max_command};
  std::string failure_;
  std::string ready_;
  std::optional<clock::time_point> kill_at_;
  bool commands_open_ = true;
  bool paused_ = false;
  bool ended_ = false;
  ending ending_;
};

} // namespace

ending watch(sandbox& box, const request& wanted, controls& others) {
  return watcher(box, wanted, others).run();
}

} // namespace sandfleet::launcher
