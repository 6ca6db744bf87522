#include "tools/batch/task_runner.hpp"

#include "runtime/core/backoff.hpp"
#include "runtime/core/test_stop.hpp"
#include "tools/batch/task_steps.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace sandfleet::batch {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// Setting up may install packages, and the format gives it no limit of its own.
constexpr milliseconds setup_timeout{600'000};

constexpr milliseconds retry_base{200};
constexpr milliseconds retry_cap{10'000};

double seconds_between(timekeeper::time_point from, timekeeper::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Outside the workspace: what the task lists there is its own. In /tmp, which is the machine's
// where nothing is isolated: then the name must be the sandbox's own, and the file is removed.
std::string stdin_path(const task_sandbox& box) {
  return "/tmp/.sandfleet-stdin-" + box.id();
}

// The provider's account of the end says more than the broken connection that the caller saw.
void explain_loss(run_facts& facts, const sandbox_end& end) {
  if (!facts.failure || !end.failure)
    return;
  const auto code = facts.failure->code;
  if (code == errc::sandbox_lost || code == errc::connection_failed)
    facts.failure = end.failure;
}

} // namespace

sandbox_spec spec_of(const sandbox_spec& base, const task& work) {
  sandbox_spec spec = base;
  if (work.provider)
    spec.provider = provider_name(*work.provider);
  if (work.image)
    spec.image = *work.image;
  if (work.network)
    spec.network = *work.network;
  for (const auto& [name, value] : work.env)
    spec.env[name] = value;
  const auto take = [](auto& limit, const auto& wanted) {
    if (wanted)
      limit = wanted;
  };
  take(spec.limits.cpus, work.resources.cpus);
  take(spec.limits.memory_mb, work.resources.memory_mb);
  take(spec.limits.pids, work.resources.pids);
  take(spec.limits.disk_mb, work.resources.disk_mb);
  return spec;
}

struct task_runner::attempt {
  run_facts facts;
  collection collected;
  phase_seconds seconds;
  resource_usage usage;
  limits_report limits;
  std::string sandbox;
  std::optional<error> stop_failure;
};

void task_runner::report(const task& work, attempt&& made, task_result& out) {
  const auto spec = spec_of(options_.base, work);
  out.id = work.id;
  out.judged = judge(work, made.facts);
  if (made.stop_failure)
    out.judged.why.evidence.emplace_back("stop_failed", made.stop_failure->to_string());
  out.setup = std::move(made.facts.setup);
  out.commands = std::move(made.facts.commands);
  out.verify = std::move(made.facts.verify);
  out.collected = std::move(made.collected);
  out.seconds = made.seconds;
  out.usage = made.usage;
  out.limits = std::move(made.limits);
  out.provider = spec.provider.str();
  out.sandbox = std::move(made.sandbox);
  out.image = spec.image;
}

task_runner::task_runner(sandbox_source& source, timekeeper& time, runner_options options)
    : source_(source), time_(time), options_(std::move(options)), began_(time.now()) {}

namespace {

// Everything between start and stop. What fails first ends it and is put down in `facts`.
asio::awaitable<void> use_sandbox(task_sandbox& box, timekeeper& time, const task& work,
                                  const std::string& directory, run_facts& facts,
                                  collection& collected, phase_seconds& seconds) {
  const auto began = time.now();
  facts.failed_at = stage::files;
  auto done = co_await write_files(box, work.files, directory, failure_class::task);
  if (!done && done.error().code == errc::limit_exceeded)
    done.error().hint = "raise resources.disk_mb";
  command_plan plan;
  if (done && work.stdin_text) {
    plan.stdin_path = stdin_path(box);
    done = co_await box.write_file(plan.stdin_path, *work.stdin_text, 0444);
  }
  if (done) {
    facts.failed_at = stage::setup;
    command_plan setup;
    setup.timeout = std::max(setup_timeout, work.timeout);
    done = co_await run_commands(box, time, work.setup, setup, facts.setup);
  }
  const auto set_up = time.now();
  seconds.setup = seconds_between(began, set_up);
  const bool ready = done && (facts.setup.empty() || (facts.setup.back().exit_code == 0 &&
                                                      facts.setup.size() == work.setup.size()));
  if (ready) {
    facts.failed_at = stage::commands;
    plan.timeout = work.timeout;
    plan.command_timeout = work.command_timeout;
    plan.continue_on_error = work.continue_on_error;
    done = co_await run_commands(box, time, work.commands, plan, facts.commands);
    if (done && work.verify) {
      facts.failed_at = stage::verify;
      done = co_await run_verify(box, time, *work.verify, directory, facts.verify);
    }
  }
  if (done) {
    facts.failed_at = stage::collect;
    done = co_await collect_files(box, work.collect, collected);
  }
  if (!done)
    facts.failure = std::move(done.error());
  seconds.run = seconds_between(set_up, time.now());
}

} // namespace

asio::awaitable<void> task_runner::make_attempt(const task& work, attempt& made) {
  const auto began = time_.now();
  made.seconds.queue = seconds_between(began_, began);
  auto spec = spec_of(options_.base, work);
  const bool shares_files = spec.isolation == isolation_mode::none;
  auto started = co_await source_.start(std::move(spec));
  const auto ready = time_.now();
  made.seconds.start = seconds_between(began, ready);
  if (!started) {
    made.facts.failed_at = stage::start;
    made.facts.failure = std::move(started.error());
    co_return;
  }
  auto& box = **started;
  made.sandbox = box.id();
  made.limits = box.limits();
  core::test_stop(core::test_stage::batch_ready);
  co_await use_sandbox(box, time_, work, options_.directory, made.facts, made.collected,
                       made.seconds);
  // The sandbox goes, whatever else is no longer wanted.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  core::test_stop(core::test_stage::batch_stopping);
  const auto stopping = time_.now();
  if (work.stdin_text && shares_files) {
    exec_request remove;
    remove.argv = {"rm", "-f", "--", stdin_path(box)};
    remove.cwd = "/";
    remove.clean_env = true;
    // When it fails, the sandbox is gone already, and its end tells why.
    co_await box.exec(std::move(remove));
  }
  auto end = co_await box.stop();
  co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
  made.seconds.stop = seconds_between(stopping, time_.now());
  if (!end) {
    made.stop_failure = std::move(end.error());
    co_return;
  }
  made.usage = end->usage;
  made.facts.oom_kills = end->usage.oom_kills;
  made.facts.touched = end->usage.touched;
  explain_loss(made.facts, *end);
}

asio::awaitable<std::optional<task_result>> task_runner::run(task work) {
  co_await asio::this_coro::throw_if_cancelled(false);
  core::backoff_policy policy;
  policy.base = retry_base;
  policy.cap = retry_cap;
  policy.max_attempts = work.retries + 1;
  policy.max_elapsed = policy.cap;
  core::backoff delays(policy, options_.seed + ++runs_);
  task_result out;
  for (;;) {
    attempt made;
    if (!given_up_)
      co_await make_attempt(work, made);
    ++out.attempts;
    if (given_up_ && (made.facts.failure || made.sandbox.empty()))
      co_return std::nullopt;
    const bool again = made.facts.failure && may_be_retried(*made.facts.failure);
    // The time that attempts take does not count: tasks are long, and `retries` is the bound.
    const auto delay = again ? delays.next_delay(milliseconds::zero()) : std::nullopt;
    if (delay) {
      const auto& why = *made.facts.failure;
      out.retried.push_back({made.facts.failed_at, why.code, why.to_string()});
      co_await time_.wait(*delay);
      continue;
    }
    report(work, std::move(made), out);
    co_return out;
  }
}

} // namespace sandfleet::batch
