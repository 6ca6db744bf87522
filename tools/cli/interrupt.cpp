#include "tools/cli/interrupt.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace sandfleet::cli {

namespace {

constexpr std::array watched = {SIGINT, SIGTERM};

/// What the handler may touch: it runs at any point of the program.
std::atomic<int> handler_pipe{-1};
std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

void on_raw_signal(int number) {
  const int saved = errno;
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, number)) {
    std::signal(number, SIG_DFL);
    ::raise(number);
  }
  const char byte = 1;
  // A full pipe is no loss: the reader is already awake.
  [[maybe_unused]] const auto written = ::write(handler_pipe.load(), &byte, 1);
  errno = saved;
}

void set_handler(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(number, &action, nullptr);
}

int checked(int outcome, const char* what) {
  if (outcome < 0)
    throw std::system_error(errno, std::generic_category(), what);
  return outcome;
}

} // namespace

struct interrupt_watch::impl {
  explicit impl(std::function<void(int)> callback)
      : on_signal(std::move(callback)), woken(checked(::eventfd(0, EFD_CLOEXEC), "eventfd")) {
    checked(::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK), "pipe2");
    // The reader may wait; only the handler's end must never block.
    checked(::fcntl(pipe[0], F_SETFL, 0), "fcntl");
    first_signal = 0;
    handler_pipe = pipe[1];
    thread = std::thread([this] { wait(); });
    for (const int number : watched)
      set_handler(number, on_raw_signal);
  }

  ~impl() {
    for (const int number : watched)
      set_handler(number, SIG_DFL);
    handler_pipe = -1;
    ::close(pipe[1]);
    thread.join();
    ::close(pipe[0]);
    ::close(woken);
  }

  void wait() const {
    char byte = 0;
    if (::read(pipe[0], &byte, 1) != 1)
      return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(woken, &one, sizeof one);
    on_signal(first_signal);
  }

  std::function<void(int)> on_signal;
  int woken;
  std::array<int, 2> pipe{-1, -1};
  std::thread thread;
};

interrupt_watch::interrupt_watch(std::function<void(int)> on_signal)
    : impl_(std::make_unique<impl>(std::move(on_signal))) {}

interrupt_watch::~interrupt_watch() = default;

int interrupt_watch::descriptor() const {
  return impl_->woken;
}

int interrupt_watch::signal() const {
  return first_signal;
}

void survive_failing_writes() {
  set_handler(SIGPIPE, [](int) {});
  set_handler(SIGXFSZ, [](int) {});
}

} // namespace sandfleet::cli
