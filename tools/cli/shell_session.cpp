#include "tools/cli/shell_session.hpp"

#include "tools/cli/streams.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::cli {

namespace asio = boost::asio;

namespace {

constexpr std::array watched = {SIGWINCH, SIGCONT, SIGTERM, SIGHUP, SIGINT, SIGQUIT};

/// Something that one thread waits for and another brings about.
class flag {
 public:
  flag() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~flag() { ::close(descriptor_); }
  flag(const flag&) = delete;
  flag& operator=(const flag&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  void raise() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(descriptor_, &one, sizeof one);
  }
  void lower() const {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(descriptor_, &count, sizeof count);
  }

 private:
  int descriptor_;
};

/// What the engine's thread and the one at the keyboard share.
struct shared_state {
  flag ended;     ///< `outcome` is there
  flag sent;      ///< what was typed last has been taken
  flag abandoned; ///< nobody reads the output any more
  std::mutex mutex;
  std::optional<result<terminal_exit>> outcome;

  void end(result<terminal_exit> how) {
    const std::lock_guard lock(mutex);
    if (!outcome)
      outcome = std::move(how);
    ended.raise();
  }
};

using state_ptr = std::shared_ptr<shared_state>;

asio::awaitable<void> show_output(terminal remote, state_ptr state) {
  for (;;) {
    auto piece = co_await remote.read();
    if (!piece) {
      state->end(fail(std::move(piece.error())));
      co_return;
    }
    if (piece->empty())
      break;
    int failed = 0;
    if (write_all(STDOUT_FILENO, *piece, state->abandoned.descriptor(), failed) !=
        write_outcome::written) {
      state->end(fail(errno_error(errc::io_error, "the terminal cannot be written", failed)));
      co_return;
    }
  }
  state->end(*remote.ended());
}

asio::awaitable<void> pass_on(asio::awaitable<result<void>> sending, state_ptr state) {
  // Why it failed is what `read` says.
  (void)co_await std::move(sending);
  state->sent.raise();
}

class session {
 public:
  session(engine& runtime, terminal remote, raw_terminal& local, const session_signals& signals)
      : runtime_(runtime), remote_(std::move(remote)), local_(local), signals_(signals) {}

  session_end run() {
    asio::co_spawn(runtime_.executor(), show_output(remote_, state_), asio::detached);
    local_.make_raw();
    while (!over_)
      step();
    local_.restore();
    state_->abandoned.raise();
    remote_.hang_up();
    const std::lock_guard lock(state_->mutex);
    auto none = fail(make_error(errc::cancelled, "the session was ended from outside"));
    return {state_->outcome ? std::move(*state_->outcome) : result<terminal_exit>(none), signal_};
  }

 private:
  void step() {
    std::array<pollfd, 4> polled = {{{state_->ended.descriptor(), POLLIN, 0},
                                     {signals_.descriptor(), POLLIN, 0},
                                     {state_->sent.descriptor(), POLLIN, 0},
                                     {sending_ ? -1 : STDIN_FILENO, POLLIN, 0}}};
    if (::poll(polled.data(), polled.size(), -1) < 0)
      return;
    if (polled[0].revents != 0)
      over_ = true;
    if (polled[1].revents != 0)
      on_signals();
    if (polled[2].revents != 0) {
      state_->sent.lower();
      sending_ = false;
    }
    if (!sending_ && std::exchange(resized_, false))
      send(remote_.resize(raw_terminal::size()));
    else if (!sending_ && polled[3].revents != 0)
      on_keys();
  }

  void on_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.descriptor(), &info, sizeof info) == sizeof info) {
      const int number = static_cast<int>(info.ssi_signo);
      if (number == SIGCONT)
        local_.make_raw();
      if (number == SIGCONT || number == SIGWINCH) {
        resized_ = true;
      } else {
        leave(number);
      }
    }
  }

  void leave(int number) {
    signal_ = number;
    over_ = true;
  }

  void on_keys() {
    std::array<char, 4096> keys{};
    const auto count = ::read(STDIN_FILENO, keys.data(), keys.size());
    if (count > 0)
      send(remote_.write(std::string(keys.data(), static_cast<std::size_t>(count))));
    else if (count == 0 || (errno != EINTR && errno != EAGAIN))
      leave(SIGHUP); // the terminal has gone
  }

  void send(asio::awaitable<result<void>> what) {
    sending_ = true;
    asio::co_spawn(runtime_.executor(), pass_on(std::move(what), state_), asio::detached);
  }

  engine& runtime_;
  terminal remote_;
  raw_terminal& local_;
  const session_signals& signals_;
  state_ptr state_ = std::make_shared<shared_state>();
  bool sending_ = false;
  bool resized_ = false;
  bool over_ = false;
  int signal_ = 0;
};

} // namespace

session_signals::session_signals() {
  sigset_t all;
  ::sigemptyset(&all);
  for (const int number : watched)
    ::sigaddset(&all, number);
  ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  descriptor_ = ::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

session_signals::~session_signals() {
  ::close(descriptor_);
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

session_end run_session(engine& runtime, terminal remote, raw_terminal& local,
                        const session_signals& signals) {
  return session(runtime, std::move(remote), local, signals).run();
}

} // namespace sandfleet::cli
