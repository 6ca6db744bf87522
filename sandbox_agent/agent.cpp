#include "sandbox_agent/agent.hpp"

#include "runtime/core/test_stop.hpp"
#include "runtime/protocol/agent_api.hpp"
#include "runtime/transport/abandoned_socket.hpp"
#include "runtime/transport/blocking_pool.hpp"
#include "sandbox_agent/bash/start_process.hpp"
#include "sandbox_agent/exec/guardian.hpp"
#include "sandbox_agent/exec/reaper.hpp"
#include "sandbox_agent/handed_listener.hpp"
#include "sandbox_agent/log.hpp"
#include "sandbox_agent/server/file_viewer.hpp"
#include "sandbox_agent/server/router.hpp"
#include "sandbox_agent/stop_signals.hpp"
#include "sandbox_agent/user/set_up_user.hpp"
#include "sandbox_agent/user/workspace.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <malloc.h>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace sandfleet::agent {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t max_connections = 1024;
constexpr auto stop_grace = std::chrono::seconds(2);

void complain(const error& failure) {
  log(log_level::error, failure.to_string());
}

session_settings session_settings_of(const options& given, const memory_group& memory) {
  session_settings settings;
  settings.memory = &memory;
  settings.working_dir = given.working_dir;
  settings.env = given.env;
  settings.no_change_timeout = given.no_change_timeout;
  return settings;
}

/// Whether something that is no directory stands where one is to be.
bool is_in_the_way(const error& failure) {
  return std::ranges::any_of(failure.evidence, [](const auto& one) {
    return one.first == "errno" && (one.second == evidence_value(std::int64_t{EEXIST}) ||
                                    one.second == evidence_value(std::int64_t{ENOTDIR}));
  });
}

/// The whole program while it serves.
class server {
 public:
  server(asio::io_context& loop, const options& given, std::optional<new_owner> workspace_owner,
         int guardian)
      : loop_(loop), given_(given), workspace_owner_(workspace_owner),
        context_(loop.get_executor(), given),
        http_(
            loop.get_executor(), [this](auto& exchange) { return route(context_, exchange); },
            http_options()),
        viewer_(loop.get_executor()),
        reaper_(loop.get_executor(), [this](pid_t pid) { return context_.shells.is_shell(pid); }),
        stop_signals_(loop), lifeline_(loop), guardian_(loop) {
    if (guardian >= 0)
      guardian_.assign(guardian);
  }

  result<void> start() {
    if (auto made = make_workspace(given_.working_dir, workspace_owner_); !made)
      return made;
    if (auto listening = listen(); !listening)
      return listening;
    stop_signals_.async_wait([this] { stop_gracefully(); });
    context_.end = [this] { stop_gracefully(); };
    if (given_.lifeline_fd) {
      error_code ec;
      lifeline_.assign(*given_.lifeline_fd, ec);
      if (ec)
        return fail(
            errno_error(errc::invalid_argument, "--lifeline-fd cannot be watched", ec.value()));
      watch(lifeline_);
    }
    if (guardian_.is_open())
      watch(guardian_);
    if (given_.memory_monitor)
      context_.watches_memory.start();
    core::test_stop(core::test_stage::agent_began);
    asio::co_spawn(loop_, open_default_session(), [this](const std::exception_ptr& thrown) {
      if (thrown)
        give_up(make_error(errc::internal, "the first session could not be started"));
    });
    return {};
  }

  /// Nothing that was started is left behind.
  int finish() {
    stopping_ = true;
    apart_.close();
    context_.unpacking_ends.request_stop();
    context_.shells.close();
    kill_everything();
    return exit_status_;
  }

 private:
  static transport::http_server_options http_options() {
    transport::http_server_options chosen;
    chosen.concurrent = false;
    chosen.crowd_left = [] { ::malloc_trim(0); };
    // What runs needs descriptors too.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0)
      chosen.max_connections = std::clamp<std::size_t>(files.rlim_cur / 2, 1, max_connections);
    return chosen;
  }

  result<void> listen() {
    if (const auto* inherited = std::get_if<inherited_socket>(&given_.listen))
      return http_.listen_fd(inherited->fd);
    if (const auto* handed = std::get_if<handed_socket>(&given_.listen)) {
      const auto taken = take_handed_listener(handed->path);
      return taken ? http_.listen_fd(*taken) : fail(taken.error());
    }
    if (const auto* local = std::get_if<transport::unix_endpoint>(&given_.listen))
      return http_.listen(*local);
    auto listening = http_.listen(std::get<transport::tcp_endpoint>(given_.listen));
    if (listening)
      show_files(http_.port());
    return listening;
  }

  /// Nothing depends on it: what fails is only said.
  void show_files(unsigned port) {
    const auto shown = viewer_.listen(port + 1, std::min(port + 1024, 65535U));
    if (!shown) {
      log(log_level::warning, "there is no file viewer: " + shown.error().to_string());
      return;
    }
    const auto url = "http://localhost:" + std::to_string(*shown);
    if (const auto announced = announce(url, "/tmp/oh-server-url"); !announced)
      log(log_level::warning,
          "the file viewer " + url + " is not announced: " + announced.error().to_string());
  }

  asio::awaitable<void> open_default_session() {
    if (workspace_owner_) {
      // Meanwhile `/alive` is answered.
      auto give = [this] {
        give_workspace(given_.working_dir, *workspace_owner_, stopping_);
        return true;
      };
      (void)co_await apart_.run(give);
    }
    const auto session = co_await context_.shells.get(session_name("default"));
    if (!session) {
      give_up(session.error());
      co_return;
    }
    core::test_stop(core::test_stage::agent_ready);
    context_.ready = true;
    if (!given_.ready_fd)
      co_return;
    // Nobody may wait for it any more; that is no reason to end.
    [[maybe_unused]] const auto sent = ::write(*given_.ready_fd, "ready\n", 6);
    if (*given_.ready_fd > STDERR_FILENO)
      ::close(*given_.ready_fd);
  }

  void give_up(const error& failure) {
    complain(failure);
    exit_status_ = failure.code == errc::not_found ? protocol::no_shell_status : 1;
    loop_.stop();
  }

  /// Until its end, which is ours.
  void watch(asio::posix::stream_descriptor& line) {
    line.async_read_some(asio::buffer(line_bytes_), [this, &line](error_code ec, std::size_t) {
      if (!ec)
        watch(line);
      else if (ec != asio::error::operation_aborted)
        loop_.stop();
    });
  }

  void stop_gracefully() {
    asio::co_spawn(loop_, http_.stop(stop_grace),
                   [this](const std::exception_ptr&) { loop_.stop(); });
    stop_signals_.async_wait([this] { loop_.stop(); }); // asked twice
  }

  asio::io_context& loop_;
  const options& given_;
  std::optional<new_owner> workspace_owner_;
  std::atomic<bool> stopping_ = false;
  transport::blocking_pool apart_{1};
  context context_;
  transport::http_server http_;
  file_viewer viewer_;
  reaper reaper_;
  stop_signals stop_signals_;
  asio::posix::stream_descriptor lifeline_;
  asio::posix::stream_descriptor guardian_;
  std::array<char, 64> line_bytes_{}; ///< nobody looks at them
  int exit_status_ = 0;
};

/// With PID 1 the kernel kills all of its namespace; any other needs somebody for that.
result<int> be_guarded(const options& given) {
  if (::getpid() == 1)
    return -1;
  return begin_guarded([&given] {
    if (const auto* local = std::get_if<transport::unix_endpoint>(&given.listen))
      transport::remove_abandoned_socket(local->path);
  });
}

std::optional<std::int64_t> in_bytes(std::optional<std::int64_t> number, int shift) {
  return number ? std::optional(*number << shift) : std::nullopt;
}

memory_group::told told_of(const options& given) {
  return {given.memory_events_fd, in_bytes(given.memory_limit_mb, 20)};
}

void close_on_exec(const std::optional<int>& fd) {
  if (fd)
    ::fcntl(*fd, F_SETFD, FD_CLOEXEC);
}

} // namespace

context::context(const asio::any_io_executor& executor, const options& given)
    : session_key(given.session_key), memory(told_of(given)),
      watches_memory(executor, memory, in_bytes(given.max_memory_gb, 30)),
      working_dir(given.working_dir), shells(executor, session_settings_of(given, memory)),
      file_actions(given.working_dir, given.user_id), one_shot{given.working_dir, given.env,
                                                               &memory},
      actions(executor, shells, file_actions, given.auto_lint ? &one_shot : nullptr),
      life(executor) {}

int serve(options given) {
  close_on_exec(given.ready_fd);
  close_on_exec(given.lifeline_fd);
  close_on_exec(given.memory_events_fd);
  if (const auto* inherited = std::get_if<inherited_socket>(&given.listen))
    close_on_exec(inherited->fd);
  for (const int fd : given.commands_group_fds)
    close_on_exec(fd);
  enter_groups(given.commands_group_fds);
  auto user = set_up_user(given);
  if (!user) {
    complain(user.error());
    return 1;
  }
  for (auto& [name, value] : user->env)
    given.env[name] = std::move(value);
  given.user_id = user->file_owner;
  run_as(std::move(user->runs_as));
  const auto guardian = be_guarded(given);
  if (!guardian) {
    complain(guardian.error());
    return 1;
  }
  asio::io_context loop(1);
  server whole(loop, given, user->workspace_owner, *guardian);
  if (auto started = whole.start(); !started) {
    complain(started.error());
    return is_in_the_way(started.error()) ? protocol::no_workspace_status : 1;
  }
  loop.run();
  return whole.finish();
}

} // namespace sandfleet::agent
