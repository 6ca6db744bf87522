#include "sandbox_agent/exec/one_shot.hpp"

#include "sandbox_agent/bash/process_tree.hpp"
#include "sandbox_agent/exec/children.hpp"
#include "sandbox_agent/exec/input_feed.hpp"
#include "sandbox_agent/exec/program.hpp"
#include "sandbox_agent/exec/spawn.hpp"
#include "sandbox_agent/memory/memory_group.hpp"
#include "sandbox_agent/user/identity.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandfleet::agent {

namespace asio = boost::asio;

namespace {

using clock = std::chrono::steady_clock;
using boost::system::error_code;

constexpr std::size_t block_bytes = 32U << 10;
std::map<std::string, std::string> environment_of(const exec_request& request,
                                                  const one_shot_settings& settings,
                                                  const std::string& marker) {
  std::map<std::string, std::string> env;
  if (!request.clean_env && !request.is_check)
    env = settings.env;
  for (const auto& [name, value] : request.env)
    env[name] = value;
  env.try_emplace("PATH", usual_path);
  const auto home = settings.env.find("HOME");
  env.try_emplace("HOME", home == settings.env.end() ? "/" : home->second);
  env[std::string(tree_marker_name)] = marker;
  return env;
}

/// A directory that nobody has been in, as long as it is needed.
class new_home {
 public:
  new_home() {
    if (::mkdtemp(path_.data()) == nullptr)
      path_ = "/nonexistent";
    else if (const auto& user = runs_as();
             user && ::lchown(path_.c_str(), user->uid, user->gid) != 0)
      errno = 0;
  }
  ~new_home() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  new_home(const new_home&) = delete;
  new_home& operator=(const new_home&) = delete;

  /// What programs would read elsewhere beside what they are given.
  void show_in(std::map<std::string, std::string>& env) const {
    env.try_emplace("HOME", path_);
    env.try_emplace("PYTHONPYCACHEPREFIX", path_ + "/.cache/python");
    env.try_emplace("GIT_CONFIG_NOSYSTEM", "1");
  }

 private:
  std::string path_ = "/tmp/.sandfleet-XXXXXX";
};

/// One process while it runs. What its descriptors report wakes `run` by way of `wake_`.
class run_under_way : public std::enable_shared_from_this<run_under_way> {
 public:
  run_under_way(const asio::any_io_executor& executor, spawned process, std::string marker,
                exec_request request, output_sink sink, std::shared_ptr<input_feed> input,
                const memory_group* memory)
      : pid_(process.pid), tree_(std::in_place, pid_), marker_(std::move(marker)),
        request_(std::move(request)), sink_(std::move(sink)), input_(std::move(input)),
        oom_(memory), wake_(executor), pidfd_(executor, process.pidfd.release()),
        in_(executor), outputs_{output(executor, process.out.release(), 1),
                                output(executor, process.err.release(), 2)} {
    claim_child(pid_);
    if (process.in.get() >= 0)
      in_.assign(process.in.release());
  }

  /// Leaves nothing behind. The waits that are still to be completed hold this object alive.
  void end() {
    if (!reaped_)
      kill();
    release_child(pid_);
    tree_.reset();
    error_code ignored;
    wake_.cancel();
    pidfd_.close(ignored);
    close_input();
    for (auto& one : outputs_)
      one.fd.close(ignored);
  }
  run_under_way(const run_under_way&) = delete;
  run_under_way& operator=(const run_under_way&) = delete;

  asio::awaitable<exec_result> run(clock::time_point begun) {
    const auto deadline = begun + request_.timeout;
    watch(pidfd_, asio::posix::descriptor_base::wait_read, exited_);
    input_->on_news([this] {
      in_ready_ = true;
      wake_.cancel();
    });
    write_input();
    for (auto& one : outputs_)
      watch(one.fd, asio::posix::descriptor_base::wait_read, one.ready);
    while (!exited_) {
      if (co_await take_outputs(block_bytes))
        continue;
      if (std::exchange(in_ready_, false))
        write_input();
      else if (!co_await woken(deadline))
        break;
    }
    if (!exited_) {
      outcome_.timed_out = true;
      kill();
    } else {
      finish(reap(pid_));
    }
    for (auto& one : outputs_)
      co_await take_rest(one);
    outcome_.oom_kills =
        oom_.kills(outcome_.signal == SIGKILL || outcome_.exit_code == killed_status);
    outcome_.seconds = clock::now() - begun;
    co_return std::move(outcome_);
  }

 private:
  struct output {
    output(const asio::any_io_executor& executor, int fd_number, int number_)
        : fd(executor, fd_number), number(number_) {}
    asio::posix::stream_descriptor fd;
    int number;
    bool ready = false;
  };

  /// Sets `flag` and wakes `run` once the descriptor is ready.
  void watch(asio::posix::stream_descriptor& fd, asio::posix::descriptor_base::wait_type what,
             bool& flag) {
    fd.async_wait(what, [self = shared_from_this(), &flag](error_code ec) {
      if (ec == asio::error::operation_aborted)
        return;
      flag = true;
      self->wake_.cancel();
    });
  }

  /// False at the deadline.
  asio::awaitable<bool> woken(clock::time_point deadline) {
    if (clock::now() >= deadline)
      co_return false;
    error_code ec;
    wake_.expires_at(deadline);
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (ec == asio::error::operation_aborted &&
        cancelled(co_await asio::this_coro::cancellation_state))
      throw boost::system::system_error(ec);
    co_return ec || exited_ || in_ready_ || outputs_[0].ready || outputs_[1].ready;
  }

  static bool cancelled(const asio::cancellation_state& state) {
    return state.cancelled() != asio::cancellation_type::none;
  }

  /// Until all that is there is written; the end of the input is closed.
  void write_input() {
    if (!in_.is_open())
      return;
    while (!input_->waiting().empty()) {
      const auto& bytes = input_->waiting();
      const auto sent = ::write(in_.native_handle(), bytes.data(), bytes.size());
      if (sent >= 0)
        input_->took(static_cast<std::size_t>(sent));
      else if (errno == EAGAIN)
        return watch(in_, asio::posix::descriptor_base::wait_write, in_ready_);
      else if (errno != EINTR)
        return close_input(); // it reads no more
    }
    if (input_->ended())
      close_input();
  }

  void close_input() {
    error_code ignored;
    in_.close(ignored);
    input_->close();
  }

  /// Reads at most `limit` bytes of each output that is ready; false when none was.
  asio::awaitable<bool> take_outputs(std::size_t limit) {
    bool any = false;
    for (auto& one : outputs_) {
      if (!std::exchange(one.ready, false))
        continue;
      any = true;
      if (co_await take(one, limit))
        watch(one.fd, asio::posix::descriptor_base::wait_read, one.ready);
    }
    co_return any;
  }

  /// False once the output is at its end.
  asio::awaitable<bool> take(output& one, std::size_t limit) {
    const auto block = std::make_unique_for_overwrite<char[]>(limit);
    const auto got = ::read(one.fd.native_handle(), block.get(), limit);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
      co_return true;
    if (got <= 0) {
      error_code ignored;
      one.fd.close(ignored);
      co_return false;
    }
    const std::string_view piece(block.get(), static_cast<std::size_t>(got));
    if (sink_)
      co_await sink_(one.number, piece);
    else
      keep(one, piece);
    co_return true;
  }

  void keep(const output& one, std::string_view piece) {
    auto& kept = one.number == 1 ? outcome_.out : outcome_.err;
    auto& truncated = one.number == 1 ? outcome_.out_truncated : outcome_.err_truncated;
    const auto room = request_.max_output_bytes - kept.size();
    kept.append(piece.substr(0, room));
    truncated = truncated || piece.size() > room;
  }

  /// What lies in the pipe now; what a daemon may write later is not waited for.
  asio::awaitable<void> take_rest(output& one) {
    int left = 0;
    while (one.fd.is_open() && ::ioctl(one.fd.native_handle(), FIONREAD, &left) == 0 && left > 0 &&
           rest_ < rest_limit) {
      rest_ += static_cast<std::size_t>(left);
      if (!co_await take(one, static_cast<std::size_t>(left)))
        break;
    }
  }

  void kill() {
    kill_tree(pid_, marker_, reply_patience_ms);
    siginfo_t info{};
    // Not waited for when the kernel cannot kill it: the reaper takes it when it dies.
    reaped_ = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) == 0 &&
              info.si_pid == pid_;
  }

  void finish(int status) {
    reaped_ = true;
    if (status > 128 && signalled_)
      outcome_.signal = status - 128;
    else
      outcome_.exit_code = status;
  }

  /// Told apart from an exit code of 128 and more, which `bash/pty.hpp`'s reap does not.
  int reap(pid_t pid) {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0 && errno == EINTR) {
    }
    signalled_ = info.si_code != CLD_EXITED;
    return signalled_ ? 128 + info.si_status : info.si_status;
  }

  static constexpr std::size_t rest_limit = std::size_t{2} << 20;

  pid_t pid_;
  std::optional<tree_root> tree_;
  std::string marker_;
  exec_request request_;
  output_sink sink_;
  std::shared_ptr<input_feed> input_;
  oom_counter oom_;
  asio::steady_timer wake_;
  asio::posix::stream_descriptor pidfd_;
  asio::posix::stream_descriptor in_;
  std::array<output, 2> outputs_;
  exec_result outcome_;
  std::size_t rest_ = 0;
  bool exited_ = false;
  bool in_ready_ = false;
  bool signalled_ = false;
  bool reaped_ = false;
};

struct ending {
  run_under_way& what;
  ~ending() { what.end(); }
};

} // namespace

asio::awaitable<result<exec_result>> run_one_shot(exec_request request,
                                                  const one_shot_settings& settings,
                                                  output_sink sink,
                                                  std::shared_ptr<input_feed> input) {
  const auto begun = clock::now();
  const auto marker = next_tree_marker();
  std::optional<new_home> home;
  if (request.is_check)
    home.emplace().show_in(request.env);
  const auto env = environment_of(request, settings, marker);
  spawn_spec spec;
  spec.argv = request.argv;
  for (const auto& [name, value] : env)
    spec.environment.push_back(name + "=" + value);
  spec.search_path = env.at("PATH");
  spec.working_dir = directory_of(request.cwd, settings.working_dir);
  spec.feed_stdin = input != nullptr || !request.stdin_bytes.empty();
  if (!input) {
    input = std::make_shared<input_feed>(co_await asio::this_coro::executor,
                                         std::move(request.stdin_bytes));
    input->end();
  }
  auto process = spawn(spec);
  if (!process)
    co_return tl::unexpected(process.error());
  const auto under_way = std::make_shared<run_under_way>(
      co_await asio::this_coro::executor, std::move(*process), marker, std::move(request),
      std::move(sink), std::move(input), settings.memory);
  const ending end_it{*under_way};
  co_return co_await under_way->run(begun);
}

} // namespace sandfleet::agent
