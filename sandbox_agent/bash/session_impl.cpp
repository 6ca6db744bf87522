#include "sandbox_agent/bash/session_impl.hpp"

#include "sandbox_agent/bash/framing.hpp"
#include "sandbox_agent/bash/nonce.hpp"
#include "sandbox_agent/bash/process_tree.hpp"

#include <algorithm>
#include <utility>

namespace sandfleet::agent {

namespace asio = boost::asio;

bash_session::impl::impl(asio::any_io_executor runs_on, session_settings given)
    : executor(std::move(runs_on)), settings(std::move(given)),
      turns(std::make_shared<turn_queue>(executor)), working_dir(settings.working_dir) {}

void bash_session::impl::close() {
  closed_ = true;
  if (current)
    current->kill_now();
  // What an earlier shell of the session left behind has no shell above it any more.
  if (!marker_.empty())
    kill_tree(0, marker_);
}

void bash_session::impl::note_prompt() {
  const auto& told = current->prompt().working_dir;
  auto now = told ? *told : current->directory();
  if (!now.empty())
    working_dir = std::move(now);
}

asio::awaitable<result<void>> bash_session::impl::start_shell(bool user_startup) {
  if (marker_.empty()) {
    auto marker = make_nonce();
    if (!marker)
      co_return tl::unexpected(std::move(marker.error()));
    marker_ = std::move(*marker);
  }
  auto started =
      shell::start(executor, {settings.working_dir, settings.env, marker_, user_startup});
  if (!started)
    co_return tl::unexpected(std::move(started.error()));
  current = std::move(*started);
  const auto patience = std::chrono::seconds(user_startup ? 10 : 30);
  const auto deadline = clock::now() + patience;
  while (!current->opened() && !current->ended() && !closed_ && clock::now() < deadline)
    co_await current->changed(deadline);
  if (closed_) {
    current->kill_now();
    co_return fail(errc::shutting_down, "the session was closed");
  }
  if (current->opened() && !current->ended()) {
    note_prompt();
    current->screen().clear();
    current->offer();
    had_shell_ = true;
    co_return result<void>();
  }
  const auto status = current->ended();
  co_await current->kill();
  auto failure = make_error(errc::start_failed, "the shell did not come to its prompt");
  if (status)
    failure = std::move(failure).with("exit_code", static_cast<std::int64_t>(*status));
  co_return tl::unexpected(std::move(failure));
}

asio::awaitable<result<void>> bash_session::impl::ready() {
  if (closed_)
    co_return fail(errc::shutting_down, "the session was closed");
  if (current && !current->ended())
    co_return result<void>();
  working_dir = settings.working_dir;
  unanswered_ = false;
  shown_.clear();
  auto started = co_await start_shell(true);
  // The user's startup file may end the shell, replace it or wait for input.
  if (!started && started.error().code == errc::start_failed && !closed_)
    started = co_await start_shell(false);
  co_return started;
}

asio::awaitable<bash_session::impl::wake> bash_session::impl::wait_for_prompt(limits until) {
  const auto began = clock::now();
  for (;;) {
    if (current->ended())
      co_return wake::ended;
    if (current->at_prompt()) {
      note_prompt();
      co_return wake::prompt;
    }
    auto deadline = until.hard;
    auto silent_until = clock::time_point::max();
    if (until.no_change != std::chrono::milliseconds::max()) {
      silent_until = std::max(began, current->last_output()) + until.no_change;
      deadline = std::min(deadline, silent_until);
    }
    const auto now = clock::now();
    if (now >= silent_until)
      co_return wake::no_change;
    if (now >= until.hard)
      co_return wake::time_out;
    co_await current->changed(deadline);
  }
}

namespace {

/// What a session answers whose shell cannot be started any more: what ran there took away what a
/// shell needs.
command_result without_shell(const error& why) {
  constexpr int not_found = 127;
  command_result out;
  out.exit_code = not_found;
  out.output = why.to_string() + "\n";
  out.shell_restarted = out.shell_ended = true;
  out.shell = "cannot be started any more";
  return out;
}

} // namespace

asio::awaitable<result<command_result>> bash_session::impl::eval(command_request request) {
  // What ended the shell before this command is not its doing.
  if (current)
    current->notice_end();
  const bool restarted =
      std::exchange(ended_before_, false) || (current && current->ended() && current->used());
  auto usable = co_await ready();
  if (!usable && had_shell_ && !closed_)
    co_return without_shell(usable.error());
  if (!usable)
    co_return tl::unexpected(std::move(usable.error()));
  if (!current->at_prompt())
    co_return fail(make_error(errc::invalid_argument, "the session still runs a command")
                       .blamed_on(failure_class::task)
                       .with_hint("end it with the key C-c, or use a session of another name"));
  unanswered_ = false;
  current->screen().limit({std::numeric_limits<std::size_t>::max(), request.max_output_bytes});
  const auto began = clock::now();
  const auto& input = request.stdin_path.empty() ? std::string("/dev/null") : request.stdin_path;
  const oom_counter oom(settings.memory);
  current->type(frame_eval(current->kind(), request.command, input, current->prompt().options),
                false);
  limits until;
  until.hard =
      began + std::min<std::chrono::milliseconds>(request.timeout, std::chrono::hours(24 * 365));
  // Should the waiting be cancelled, nobody would wait for the command's end any more.
  struct cancel_guard {
    shell* runs;
    ~cancel_guard() {
      if (runs)
        runs->kill_now();
    }
  } guard{current.get()};
  const auto why = co_await wait_for_prompt(until);
  guard.runs = nullptr;

  command_result out;
  out.shell_restarted = restarted;
  if (why == wake::time_out) {
    out.shell = current->standing();
    co_await current->kill();
    out.timed_out = true;
    ended_before_ = true;
  } else if (why == wake::ended) {
    out.exit_code = current->ended();
    out.shell_ended = true;
    out.shell = current->standing();
    ended_before_ = true;
  } else {
    out.exit_code = current->prompt().exit_code;
  }
  if (closed_)
    co_return fail(errc::shutting_down, "the session was closed");
  out.output = current->screen().text(out.truncated);
  out.oom_kills = oom.kills(out.exit_code == killed_status);
  out.seconds = clock::now() - began;
  current->screen().clear();
  co_return out;
}

} // namespace sandfleet::agent
