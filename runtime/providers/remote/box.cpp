#include "runtime/providers/remote/box.hpp"

#include "runtime/providers/agent_life.hpp"
#include "runtime/providers/docker/start_failure.hpp"
#include "runtime/providers/remote/request.hpp"
#include "runtime/providers/remote/steps.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <filesystem>

namespace sandfleet::providers::remote {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

// Each is shorter than what the control plane waits for.
constexpr milliseconds inspect_patience{8'000};
constexpr milliseconds attach_patience{12'000};
constexpr milliseconds pause_patience{25'000};
constexpr milliseconds stop_patience{25'000};
constexpr milliseconds resume_patience{55'000};

error cancelled(const std::string& what) {
  return make_error(errc::cancelled, what + " was cancelled");
}

} // namespace

bool is_elsewhere(const sandbox_record& record, const std::string& service_url) {
  return record.engine != service_url;
}

box::box(asio::any_io_executor strand, std::shared_ptr<const shared_parts> shared, sandbox_id id)
    : strand_(std::move(strand)), shared_(std::move(shared)), service_(shared_->service),
      id_(std::move(id)), dir_(shared_->entries->dir_of(id_)) {}

const std::string& box::session() const {
  return record_.session_id.empty() ? id_.str() : record_.session_id;
}

instance box::endpoint() const {
  instance made;
  made.id = id_;
  made.agent = way_;
  made.session_key = told_.session_api_key;
  made.limits = limits_;
  made.workspace = record_.workspace;
  made.paused = paused_;
  made.foreign = standing_ == standing::foreign;
  for (const auto& [address, port] : told_.work_hosts)
    made.ports.push_back({port, "", address});
  return made;
}

/// Why it is of no use any more.
error box::ended() const {
  if (report_ && report_->failure)
    return *report_->failure;
  return make_error(errc::sandbox_lost, "the sandbox " + id_.str() + " has ended");
}

result<void> box::note(runtime_object told) {
  auto way = service_.way_to(told.url);
  if (!way)
    return fail(std::move(way.error()));
  way_ = std::move(*way);
  if (told.session_api_key.empty()) // some calls leave it out
    told.session_api_key = told_.session_api_key;
  told_ = std::move(told);
  if (record_.runtime_id == told_.runtime_id)
    return {};
  record_.runtime_id = told_.runtime_id;
  return shared_->entries->update(record_);
}

asio::awaitable<result<std::optional<protocol::runtime_object>>> box::ask(milliseconds time) {
  const auto calls = service_.within(time);
  co_return co_await calls.find(record_.runtime_id);
}

asio::awaitable<result<instance>> box::attach(registry_entry entry) {
  co_await asio::this_coro::throw_if_cancelled(false);
  record_ = std::move(entry.record);
  if (is_elsewhere(record_, service_.url()))
    co_return fail(
        make_error(errc::not_found, "the sandbox " + id_.str() + " is not at this runtime service")
            .with_cause("it was made by " + record_.engine)
            .with_hint("set SANDBOX_REMOTE_RUNTIME_API_URL to that address"));
  auto seen = co_await ask(attach_patience);
  if (!seen)
    co_return fail(std::move(seen.error()));
  if (!*seen)
    co_return fail(errc::not_found, "the sandbox " + id_.str() + " has ended");
  const auto found = judge(id_, **seen, true);
  if (found.now == condition::ended)
    co_return fail(make_error(errc::not_found, "the sandbox " + id_.str() + " has ended")
                       .with_cause(found.why->to_string()));
  if (auto noted = note(std::move(**seen)); !noted)
    co_return fail(std::move(noted.error()));
  standing_ = record_.kept ? standing::kept : standing::foreign;
  was_ready_ = true;
  paused_ = found.now == condition::paused;
  co_return endpoint();
}

asio::awaitable<result<void>> box::keep(milliseconds life) {
  // What has begun is finished; it takes no longer than its patience.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (report_)
    co_return fail(ended());
  if (standing_ == standing::foreign)
    co_return fail(docker::not_ours(id_));
  if (paused_)
    co_return fail(make_error(errc::unsupported, "the sandbox " + id_.str() + " is paused")
                       .with_hint("resume it before it is kept"));
  const auto before = record_;
  set_life(record_, life);
  // The record first: one who dies in between leaves an entry that says what was wanted.
  auto done = shared_->entries->update(record_);
  if (done)
    done = co_await live_for(life);
  if (done) {
    standing_ = standing::kept;
    co_return done;
  }
  record_ = before;
  (void)shared_->entries->update(record_);
  co_return done;
}

/// Has the agent end by itself. One that cannot is ended by the next program that comes by.
asio::awaitable<result<void>> box::live_for(milliseconds life) {
  auto told = co_await tell_life(strand_, endpoint(), life);
  if (!told && told.error().code == errc::not_found)
    co_return result<void>{};
  co_return told;
}

asio::awaitable<result<void>> box::release() {
  if (standing_ == standing::own)
    co_return fail(
        make_error(errc::invalid_argument, "the sandbox " + id_.str() + " belongs to this program")
            .with_hint("keep it first"));
  abandon();
  co_return result<void>{};
}

void box::abandon() {
  if (standing_ == standing::own && !report_) {
    asio::co_spawn(
        strand_, [self = shared_from_this()] { return self->take_down(); }, asio::detached);
    return;
  }
  released_ = true;
  notify();
}

/// The API has no events: looks again and again, more and more rarely, while somebody waits.
asio::awaitable<result<exit_report>> box::wait() {
  const auto& settings = shared_->settings;
  steps pace(settings.first_look, settings.rarest_look);
  auto woke = wake::changed;
  while (!report_ && !released_ && woke != wake::cancelled) {
    woke = co_await next_change(clock::now() + pace.next());
    if (woke == wake::changed)
      pace.reset();
    // One that does not answer says nothing: who uses the sandbox asks what became of it.
    if (woke == wake::timed_out && !report_ && !released_)
      (void)co_await inspect();
  }
  if (report_)
    co_return *report_;
  co_return fail(cancelled("waiting for the sandbox " + id_.str()));
}

asio::awaitable<result<exit_report>> box::stop(milliseconds) {
  if (report_)
    co_return *report_;
  if (standing_ == standing::foreign)
    co_return fail(docker::not_ours(id_));
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto self = shared_from_this();
  was_there_ = false; // it is to go, whoever made it
  auto cleared = co_await clear();
  if (!cleared) {
    clear_later();
    co_return fail(std::move(cleared.error()));
  }
  co_return *report_;
}

asio::awaitable<result<void>> box::pause() {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (report_)
    co_return fail(ended());
  if (paused_)
    co_return result<void>{};
  const auto calls = service_.within(pause_patience);
  const auto done = co_await calls.pause(record_.runtime_id);
  if (!done)
    co_return fail(done.error());
  if (!*done) {
    co_await end(vanished(id_));
    co_return fail(ended());
  }
  paused_ = true;
  notify();
  co_return result<void>{};
}

asio::awaitable<result<instance>> box::resume() {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (report_)
    co_return fail(ended());
  auto ready = co_await become_ready(clock::now() + resume_patience);
  if (!ready)
    co_return fail(std::move(ready.error()));
  notify();
  co_return endpoint();
}

asio::awaitable<result<instance_state>> box::inspect() {
  if (report_)
    co_return instance_state::gone;
  auto seen = co_await ask(inspect_patience);
  if (!seen)
    co_return fail(std::move(seen.error()));
  if (report_)
    co_return instance_state::gone;
  auto found = *seen ? judge(id_, **seen, was_ready_) : judgement{condition::ended, vanished(id_)};
  if (found.now == condition::ended) {
    co_await end(std::move(*found.why));
    co_return instance_state::gone;
  }
  paused_ = found.now == condition::paused;
  co_return paused_ ? instance_state::paused : instance_state::running;
}

/// An end that nobody asked for. What the service still holds of it goes.
asio::awaitable<void> box::end(error why) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto self = shared_from_this();
  exit_report report;
  report.failure = std::move(why);
  if (standing_ == standing::foreign) {
    finish(std::move(report));
    co_return;
  }
  const auto calls = service_.within(stop_patience);
  const auto stopped = co_await calls.stop(record_.runtime_id);
  if (stopped)
    forget_entry();
  else
    clear_later();
  finish(std::move(report));
}

/// What a start that failed has left; it is not waited for by anybody who could be cancelled.
asio::awaitable<void> box::take_down() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto self = shared_from_this();
  const auto cleared = co_await clear();
  if (!cleared)
    clear_later();
}

/// Stops the sandbox and then forgets its entry, without which nobody would look for it.
asio::awaitable<result<void>> box::clear() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto self = shared_from_this();
  if (record_.was_asked_for && record_.runtime_id.empty()) {
    auto known = co_await find_what_was_made();
    if (!known)
      co_return known;
  }
  if (!record_.runtime_id.empty() && !was_there_) {
    const auto calls = service_.within(stop_patience);
    const auto stopped = co_await calls.stop(record_.runtime_id);
    if (!stopped)
      co_return fail(stopped.error());
  }
  forget_entry();
  finish({});
  co_return result<void>{};
}

void box::clear_later() {
  shared_->left->add(id_, [self = shared_from_this()]() -> asio::awaitable<result<void>> {
    co_return co_await transport::run_on(self->strand_, self->clear());
  });
}

void box::finish(exit_report report) {
  if (!report_)
    report_ = std::move(report);
  notify();
}

void box::forget_entry() {
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
  lease_.reset();
}

void box::notify() {
  for (auto* timer : waiting_)
    timer->cancel();
}

asio::awaitable<bool> box::was_cancelled() const {
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

asio::awaitable<box::wake> box::next_change(time_point deadline) {
  asio::steady_timer timer(strand_, deadline);
  waiting_.push_back(&timer);
  const auto [ec] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  std::erase(waiting_, &timer);
  const bool in_vain = co_await was_cancelled();
  if (in_vain)
    co_return wake::cancelled;
  co_return ec ? wake::changed : wake::timed_out;
}

} // namespace sandfleet::providers::remote
