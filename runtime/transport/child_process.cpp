#include "runtime/transport/child_process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

// Version 2 of Boost 1.81 names these without including them; with std::filesystem it needs no
// library.
#define BOOST_PROCESS_USE_STD_FS 1
#include <boost/optional/optional.hpp>
#include <boost/process/v2/error.hpp>
#include <boost/process/v2/process_handle.hpp>

namespace sandfleet::transport {

namespace asio = boost::asio;
using handle = boost::process::v2::basic_process_handle<asio::any_io_executor>;
using stream = asio::local::stream_protocol::socket;

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr int first_extra = 3;

/// Descriptors to close at the end of a scope.
class descriptor_list {
 public:
  descriptor_list() = default;
  descriptor_list(const descriptor_list&) = delete;
  descriptor_list& operator=(const descriptor_list&) = delete;
  ~descriptor_list() {
    for (const int fd : fds_)
      ::close(fd);
  }
  int add(int fd) {
    if (fd >= 0)
      fds_.push_back(fd);
    return fd;
  }

 private:
  std::vector<int> fds_;
};

/// posix_spawn's two objects, with what every child wants.
class spawn_plan {
 public:
  spawn_plan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  void give(int fd, int number) { ::posix_spawn_file_actions_adddup2(&actions_, fd, number); }
  void close_from(int number) { ::posix_spawn_file_actions_addclosefrom_np(&actions_, number); }

  /// 0 or an errno.
  int run(const child_command& command, pid_t& child) {
    std::vector<std::string> words = {command.program};
    words.insert(words.end(), command.arguments.begin(), command.arguments.end());
    std::vector<char*> argv;
    for (auto& word : words)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    return ::posix_spawn(&child, command.program.c_str(), &actions_, &attributes_, argv.data(),
                         environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

tl::unexpected<error> no_start(const child_command& command, int error_number) {
  auto code = errc::start_failed;
  if (error_number == EMFILE || error_number == ENFILE || error_number == EAGAIN)
    code = errc::limit_exceeded;
  return fail(errno_error(code, "cannot run " + command.program, error_number));
}

} // namespace

struct child_process::impl {
  impl(stream io, handle child) : io_(std::move(io)), child_(std::move(child)), id_(child_.id()) {}

  stream io_;
  handle child_;
  pid_t id_;
};

// Boost.Process watches the child (by pidfd), but does not start it: its vfork launcher runs Asio's
// fork hooks in a child that shares the parent's memory, its other ones copy the page tables.
result<child_process> child_process::start(const asio::any_io_executor& executor,
                                           const child_command& command) {
  descriptor_list ours;
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return no_start(command, errno);
  stream io(executor, asio::local::stream_protocol(), ends[0]);
  ours.add(ends[1]);

  // Above all numbers that the child is given, so that none is overwritten before it is copied.
  const int beyond = first_extra + static_cast<int>(command.descriptors.size());
  const auto out_of_the_way = [&](int fd) {
    return ours.add(::fcntl(fd, F_DUPFD_CLOEXEC, beyond));
  };
  spawn_plan plan;
  const int other_end = out_of_the_way(ends[1]);
  if (other_end < 0)
    return no_start(command, errno);
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    plan.give(other_end, number);
  for (std::size_t i = 0; i < command.descriptors.size(); ++i) {
    const int fd = out_of_the_way(command.descriptors[i]);
    if (fd < 0)
      return no_start(command, errno);
    plan.give(fd, first_extra + static_cast<int>(i));
  }
  plan.close_from(beyond);

  pid_t child = -1;
  if (const int failed = plan.run(command, child))
    return no_start(command, failed);
  try {
    return child_process(std::make_unique<impl>(std::move(io), handle(executor, child)));
  } catch (const boost::system::system_error& e) {
    ::kill(child, SIGKILL);
    return no_start(command, e.code().value());
  }
}

child_process::child_process(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
child_process::child_process(child_process&&) noexcept = default;
child_process& child_process::operator=(child_process&&) noexcept = default;
child_process::~child_process() = default;

pid_t child_process::id() const noexcept {
  return impl_->id_;
}

asio::awaitable<result<std::size_t>> child_process::read(std::span<char> into) {
  const auto buffer = asio::buffer(into.data(), into.size());
  const auto [ec, n] = co_await impl_->io_.async_read_some(buffer, as_values);
  // A child that dies with unread input breaks the connection instead of ending it.
  if (ec == asio::error::eof || ec == asio::error::connection_reset)
    co_return std::size_t{0};
  if (ec == asio::error::operation_aborted)
    co_return fail(errc::cancelled, "reading from a child was cancelled");
  if (ec)
    co_return fail(errno_error(errc::io_error, "cannot read from a child", ec.value()));
  co_return n;
}

asio::awaitable<result<void>> child_process::write(std::string bytes) {
  const auto [ec, n] = co_await asio::async_write(impl_->io_, asio::buffer(bytes), as_values);
  if (ec == asio::error::operation_aborted)
    co_return fail(errc::cancelled, "writing to a child was cancelled");
  if (ec)
    co_return fail(errno_error(errc::io_error, "cannot write to a child", ec.value()));
  co_return result<void>{};
}

asio::awaitable<result<int>> child_process::wait() {
  const auto [ec, status] = co_await impl_->child_.async_wait(as_values);
  if (ec == asio::error::operation_aborted)
    co_return fail(errc::cancelled, "waiting for a child was cancelled");
  if (ec)
    co_return fail(errno_error(errc::internal, "cannot wait for a child", ec.value()));
  co_return status;
}

void child_process::close() {
  boost::system::error_code ignored;
  impl_->io_.close(ignored);
  // Closes the pidfd, which ends the wait for it.
  impl_->child_ = handle(impl_->child_.get_executor());
}

void child_process::kill(int signal) const noexcept {
  ::kill(impl_->id_, signal);
}

} // namespace sandfleet::transport
