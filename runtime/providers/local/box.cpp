#include "runtime/providers/local/box.hpp"

#include "runtime/core/line_splitter.hpp"
#include "runtime/core/test_stop.hpp"
#include "runtime/providers/local/launch_arguments.hpp"
#include "runtime/providers/local/processes.hpp"
#include "runtime/transport/child_process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

namespace sandfleet::providers::local {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t max_text = 4096;
constexpr std::size_t max_line = 64 * 1024;
constexpr milliseconds launcher_patience{10'000};
constexpr milliseconds pause_patience{5'000};
constexpr milliseconds removal_patience{5'000};
constexpr milliseconds attach_patience{5'000};

/// The list as a file that exists in memory alone; -1 when it cannot be made.
int memory_file(std::string_view bytes) {
  const int fd = ::memfd_create("sandfleet-arguments", MFD_CLOEXEC);
  if (fd < 0)
    return -1;
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      ::close(fd);
      return -1;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

removal remove_one(const remains& left, const std::string& launcher_program) {
  return std::move(remove_remains(std::span(&left, 1), launcher_program, removal_patience).front());
}

error ended_early(const exit_report& report, const sandbox_id& id) {
  if (report.failure)
    return *report.failure;
  return make_error(errc::cancelled,
                    "the sandbox " + id.str() + " was stopped before it was ready");
}

error not_ours(const sandbox_id& id) {
  return make_error(errc::permission_denied,
                    "the sandbox " + id.str() + " belongs to another program, which runs")
      .with_hint("it ends with that program");
}

} // namespace

box::box(asio::any_io_executor strand, std::shared_ptr<const shared_parts> shared, sandbox_id id)
    : strand_(std::move(strand)), shared_(std::move(shared)), id_(std::move(id)),
      dir_(shared_->entries->dir_of(id_)) {
  facts_.id = id_;
}

instance box::endpoint() const {
  instance made;
  made.id = id_;
  made.agent = transport::unix_endpoint{dir_ + "/agent.sock"};
  made.session_key = session_key_;
  made.limits = limits_;
  made.workspace = record_.workspace;
  made.paused = paused_;
  made.foreign = standing_ == standing::foreign;
  return made;
}

void box::describe(const sandbox_spec& spec) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  facts_.isolated = isolation_of(spec, shared_->settings) == isolation_mode::namespaces;
  record_.id = id_;
  record_.session_id = spec.session_id;
  session_key_ = spec.session_key.empty() ? make_secret() : spec.session_key;
  record_.owner = shared_->entries->owner();
  record_.owner_pid = ::getpid();
  record_.image = spec.image.empty() ? shared_->settings.default_image : spec.image;
  record_.workspace = facts_.isolated ? spec.workspace : dir_ + "/workspace";
  record_.isolation = facts_.isolated ? isolation_mode::namespaces : isolation_mode::none;
  record_.boot_id = current_boot_id();
  record_.created_ms = std::chrono::duration_cast<milliseconds>(now).count();
  record_.labels = spec.labels;
}

/// The entry is there before anything that would have to be removed.
result<void> box::launch(const sandbox_spec& spec) {
  describe(spec);
  const char* path = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): nobody sets it
  auto list = launch_arguments(id_, spec, shared_->settings, dir_, session_key_,
                               path != nullptr ? path : "");
  if (!list)
    return fail(list.error());
  const auto lease = shared_->entries->add(record_, session_key_);
  if (!lease)
    return fail(lease.error());

  core::test_stop(core::test_stage::engine_noted);
  transport::child_command command;
  command.program = shared_->settings.launcher_program;
  command.arguments = {"--args", "3"};
  const int arguments = memory_file(*list);
  command.descriptors = {arguments, lease->descriptor()};
  auto started = transport::child_process::start(strand_, command);
  ::close(arguments);
  if (!started) {
    finish(std::nullopt, remove_one(left_over(), shared_->settings.launcher_program));
    return fail(started.error());
  }
  core::test_stop(core::test_stage::engine_launched);
  record_.launcher = started->id();
  record_.launcher_start = start_time_of(started->id());
  link_ = link_to(std::move(*started));
  if (auto noted = shared_->entries->update(record_); !noted) {
    link_->kill(SIGTERM);
    return noted;
  }
  return {};
}

asio::awaitable<result<instance>> box::start(std::shared_ptr<const sandbox_spec> spec) {
  // A cancellation is seen where it is waited for; what cleans up after it must still run.
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto deadline = clock::now() + spec->start_timeout;
  auto launched = launch(*spec);
  if (!link_)
    co_return fail(std::move(launched.error()));
  asio::co_spawn(
      strand_, [self = shared_from_this()] { return self->supervise(); }, asio::detached);
  if (!launched) {
    co_await end_now();
    co_return fail(std::move(launched.error()));
  }
  while (!report_ && !facts_.was_ready) {
    const auto woke = co_await next_change(deadline);
    if (woke == wake::changed)
      continue;
    co_await end_now();
    if (woke == wake::cancelled)
      co_return fail(errc::cancelled, "the start of the sandbox " + id_.str() + " was cancelled");
    auto failure =
        make_error(errc::timed_out, "the sandbox " + id_.str() + " was not ready in time")
            .blamed_on(failure_class::infrastructure)
            .with("timeout_ms", std::int64_t{spec->start_timeout.count()});
    if (facts_.exited && !facts_.exited->log.empty())
      failure.evidence.emplace_back("log", facts_.exited->log);
    co_return fail(std::move(failure));
  }
  if (report_)
    co_return fail(ended_early(*report_, id_));
  co_return endpoint();
}

result<void> box::connect() {
  auto launcher = process_hold::take(record_.launcher, record_.launcher_start);
  if (!launcher || record_.boot_id != current_boot_id())
    return fail(errc::not_found, "the sandbox " + id_.str() + " has ended or has not begun yet");
  if (!record_.kept) {
    standing_ = standing::foreign;
    facts_.foreign = true;
    facts_.was_ready = true; // as far as it can be seen
    link_ = watch_only(strand_, std::move(*launcher));
    return {};
  }
  standing_ = standing::kept;
  auto connected = link_to(strand_, dir_ + "/control.sock", std::move(*launcher));
  if (!connected)
    return fail(connected.error());
  link_ = std::move(*connected);
  return {};
}

asio::awaitable<result<instance>> box::attach(registry_entry entry) {
  co_await asio::this_coro::throw_if_cancelled(false);
  record_ = std::move(entry.record);
  session_key_ = std::move(entry.session_key);
  facts_.isolated = record_.isolation == isolation_mode::namespaces;
  auto connected = connect();
  if (!connected)
    co_return fail(std::move(connected.error()));
  asio::co_spawn(
      strand_, [self = shared_from_this()] { return self->supervise(); }, asio::detached);
  const auto deadline = clock::now() + attach_patience;
  while (!report_ && !facts_.was_ready) {
    const auto woke = co_await next_change(deadline);
    if (woke == wake::changed)
      continue;
    abandon();
    co_return fail(woke == wake::cancelled ? errc::cancelled : errc::timed_out,
                   "the launcher of the sandbox " + id_.str() + " did not answer");
  }
  if (report_)
    co_return fail(ended_early(*report_, id_));
  co_return endpoint();
}

asio::awaitable<result<void>> box::keep(milliseconds life) {
  // What has begun is finished; it takes no longer than its patience.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (report_)
    co_return fail(errc::sandbox_lost, "the sandbox " + id_.str() + " has ended");
  if (standing_ == standing::foreign)
    co_return fail(not_ours(id_));
  const auto before = record_;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  record_.kept = true;
  record_.expires_ms =
      life.count() == 0 ? 0 : std::chrono::duration_cast<milliseconds>(now + life).count();
  // The record first: when this program dies in between, the launcher, which was not told, ends.
  auto done = shared_->entries->update(record_);
  if (done) {
    refusal_.reset();
    kept_told_ = false;
    done = co_await link_->write("keep " + std::to_string(life.count()) + "\n");
  }
  const auto deadline = clock::now() + pause_patience;
  auto woke = wake::changed;
  while (done && !report_ && !refusal_ && !kept_told_ && woke == wake::changed)
    woke = co_await next_change(deadline);
  if (kept_told_) {
    standing_ = standing::kept;
    co_return result<void>{};
  }
  record_ = before;
  if (report_)
    co_return fail(errc::sandbox_lost, "the sandbox " + id_.str() + " has ended");
  (void)shared_->entries->update(record_);
  if (!done)
    co_return done;
  co_return fail(make_error(errc::io_error, "the sandbox " + id_.str() + " cannot be kept")
                     .with_cause(refusal_.value_or("its launcher does not answer")));
}

asio::awaitable<result<void>> box::release() {
  if (standing_ == standing::own)
    co_return fail(
        make_error(errc::invalid_argument, "the sandbox " + id_.str() + " belongs to this program")
            .with_hint("keep it first"));
  abandon();
  co_return result<void>{};
}

/// Kills the sandbox and waits until nothing is left of it, even when the caller is cancelled.
asio::awaitable<void> box::end_now() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (link_)
    (void)co_await stop(milliseconds{0});
}

asio::awaitable<result<exit_report>> box::wait() {
  auto woke = wake::changed;
  while (!report_ && !released_ && woke != wake::cancelled)
    woke = co_await next_change(time_point::max());
  if (report_)
    co_return *report_;
  co_return fail(errc::cancelled, "waiting for the sandbox " + id_.str() + " was cancelled");
}

asio::awaitable<bool> box::ended_by(time_point deadline) {
  auto woke = wake::changed;
  while (!report_ && !released_ && woke == wake::changed)
    woke = co_await next_change(deadline);
  co_return report_.has_value();
}

asio::awaitable<result<exit_report>> box::stop(milliseconds grace) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (report_)
    co_return *report_;
  if (standing_ == standing::foreign)
    co_return fail(not_ours(id_));
  facts_.was_asked = true;
  const auto self = shared_from_this(); // the write outlives a caller that is cancelled
  // A launcher that cannot be told has ended or is about to.
  (void)co_await link_->write("stop " + std::to_string(grace.count()) + "\n");
  if (co_await ended_by(clock::now() + grace + launcher_patience))
    co_return *report_;
  const auto state = co_await asio::this_coro::cancellation_state;
  if (released_ || state.cancelled() != asio::cancellation_type::none)
    co_return fail(errc::cancelled, "stopping the sandbox " + id_.str() + " was cancelled");
  link_->kill(SIGKILL);
  if (co_await ended_by(clock::now() + launcher_patience))
    co_return *report_;
  co_return fail(errc::timed_out, "the sandbox " + id_.str() + " does not end");
}

asio::awaitable<result<void>> box::set_paused(bool paused) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (report_)
    co_return fail(errc::sandbox_lost, "the sandbox " + id_.str() + " has ended");
  if (!can_pause_)
    co_return fail(make_error(errc::unsupported, "sandboxes cannot be paused on this machine")
                       .with_cause("pausing needs a control group that this user may make"));
  refusal_.reset();
  auto told = co_await link_->write(paused ? "pause\n" : "resume\n");
  if (!told)
    co_return told;
  const auto deadline = clock::now() + pause_patience;
  while (!report_ && !refusal_ && paused_ != paused) {
    const auto woke = co_await next_change(deadline);
    if (woke == wake::cancelled)
      co_return fail(errc::cancelled, "pausing or resuming was cancelled");
    if (woke == wake::timed_out)
      co_return fail(errc::timed_out, "the launcher of " + id_.str() + " does not answer");
  }
  if (report_)
    co_return fail(errc::sandbox_lost, "the sandbox " + id_.str() + " has ended");
  if (refusal_)
    co_return fail(
        make_error(errc::io_error, "the sandbox " + id_.str() + " was not paused or resumed")
            .with_cause(*refusal_));
  co_return result<void>{};
}

asio::awaitable<result<instance>> box::resume() {
  auto done = co_await set_paused(false);
  if (!done)
    co_return fail(std::move(done.error()));
  co_return endpoint();
}

asio::awaitable<result<instance_state>> box::inspect() {
  if (report_)
    co_return instance_state::gone;
  co_return paused_ ? instance_state::paused : instance_state::running;
}

void box::abandon() {
  if (standing_ == standing::own) {
    asio::co_spawn(
        strand_, [self = shared_from_this()] { return self->end_now(); }, asio::detached);
    return;
  }
  released_ = true;
  if (link_)
    link_->close();
  notify();
}

asio::awaitable<void> box::supervise() {
  const auto self = shared_from_this();
  core::line_splitter lines(max_line);
  const auto take_line = [this](std::string_view line) { on_line(line); };
  std::array<char, 4096> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  for (;;) {
    const auto n = co_await link_->read(buffer);
    if (!n || *n == 0)
      break;
    lines.feed({buffer.data(), *n}, take_line);
  }
  if (released_)
    co_return;
  const auto status = co_await link_->ended();
  if (released_)
    co_return;
  removal removed;
  const auto remove = [left = left_over(), launcher = shared_->settings.launcher_program] {
    return remove_one(left, launcher);
  };
  // Another program removes what is its own. Of a launcher that was killed the processes are still
  // there, and may be slow to die.
  if (was_looked_after())
    removed = remove();
  else if (standing_ != standing::foreign)
    removed = co_await shared_->cleaners->run(remove);
  finish(status, std::move(removed));
}

void box::on_line(std::string_view line) {
  auto event = parse_launcher_event(line);
  if (const auto* told = std::get_if<limits_told>(&event)) {
    limits_ = told->limits;
    can_pause_ = told->can_pause;
  } else if (std::holds_alternative<ready_told>(event)) {
    facts_.was_ready = true;
  } else if (const auto* pausing = std::get_if<paused_told>(&event)) {
    paused_ = pausing->paused;
  } else if (std::holds_alternative<kept_told>(event)) {
    kept_told_ = true;
  } else if (const auto* stopping = std::get_if<stopping_told>(&event)) {
    facts_.stopping_cause = stopping->cause;
  } else if (const auto* refused = std::get_if<refused_told>(&event)) {
    refusal_ = refused->message;
  } else if (const auto* failed = std::get_if<failed_told>(&event)) {
    facts_.failed = failed->failure;
  } else if (auto* exited = std::get_if<exited_told>(&event)) {
    facts_.exited = std::move(*exited);
  } else if (const auto* warned = std::get_if<warning_told>(&event)) {
    limits_["warning"] = warned->message;
  } else if (const auto* text = std::get_if<text_told>(&event)) {
    facts_.text += text->text + "\n";
    if (facts_.text.size() > max_text)
      facts_.text.erase(0, facts_.text.size() - max_text);
  }
  notify();
}

/// What its launcher has not removed; without a last word of it, that may be everything.
remains box::left_over() const {
  remains left;
  left.id = id_;
  left.dir = dir_;
  left.may_have_strays = !facts_.isolated && !was_looked_after();
  return left;
}

void box::finish(std::optional<int> launcher_status, removal removed) {
  facts_.launcher_status = launcher_status;
  facts_.counted = std::move(removed.usage);
  auto report = judge_end(facts_);
  if (removed.failure && report.failure)
    report.failure->evidence.emplace_back("left_behind", removed.failure->to_string());
  else if (removed.failure)
    report.failure = std::move(removed.failure);
  report_ = std::move(report);
  notify();
}

void box::notify() {
  for (auto* timer : waiting_)
    timer->cancel();
}

asio::awaitable<box::wake> box::next_change(time_point deadline) {
  asio::steady_timer timer(strand_, deadline);
  waiting_.push_back(&timer);
  const auto [ec] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  std::erase(waiting_, &timer);
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none)
    co_return wake::cancelled;
  co_return ec ? wake::changed : wake::timed_out;
}

} // namespace sandfleet::providers::local
