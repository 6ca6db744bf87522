#include "runtime/providers/docker/box.hpp"

#include "runtime/providers/agent_life.hpp"
#include "runtime/providers/docker/leftover_files.hpp"
#include "runtime/providers/docker/own_containers.hpp"
#include "runtime/providers/docker/start_failure.hpp"
#include "runtime/providers/docker/uninterrupted.hpp"
#include "runtime/providers/docker/web_ports.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <filesystem>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t max_log = 4096;
constexpr std::string_view ready_line = "ready";
constexpr milliseconds removal_patience{10'000};
constexpr milliseconds stop_patience{10'000};
constexpr milliseconds resume_patience{30'000};

error cancelled(const std::string& what) {
  return make_error(errc::cancelled, what + " was cancelled");
}

} // namespace

bool is_elsewhere(const sandbox_record& record, const std::string& engine) {
  return !record.engine.empty() && !engine.empty() && record.engine != engine;
}

box::box(asio::any_io_executor strand, std::shared_ptr<const shared_parts> shared, sandbox_id id)
    : strand_(std::move(strand)), shared_(std::move(shared)), engine_(shared_->engine),
      id_(std::move(id)), name_(container_name(id_)), dir_(shared_->entries->dir_of(id_)) {
  facts_.id = id_;
  plan_.id = id_;
  plan_.registry = shared_->registry_name;
}

instance box::endpoint() const {
  instance made;
  made.id = id_;
  if (plan_.sockets_dir.empty())
    made.agent = transport::tcp_endpoint{agent_host(engine_.host()), plan_.ports.agent};
  else
    made.agent = transport::unix_endpoint{socket_path()};
  made.session_key = plan_.session_key;
  made.limits = limits_;
  made.workspace = record_.workspace;
  made.paused = paused_;
  made.ports = ports_;
  made.foreign = standing_ == standing::foreign;
  return made;
}

/// Why it is of no use any more.
error box::ended() const {
  if (report_ && report_->failure)
    return *report_->failure;
  return make_error(errc::sandbox_lost, "the sandbox " + id_.str() + " has ended");
}

/// What a start that failed has left; it is not waited for by anybody who could be cancelled.
asio::awaitable<void> box::take_down() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  facts_.was_asked = true;
  const auto cleared = co_await clear();
  if (!cleared)
    clear_later();
}

/// One whose creation was not answered has no id yet, and somebody may have renamed it.
asio::awaitable<result<void>> box::remove_container() {
  auto engine = engine_.within(removal_patience);
  auto removed = co_await engine.remove(container());
  if (!removed || !container_id_.empty())
    co_return removed;
  const auto ours = co_await own_containers(engine, label_of(id_));
  if (!ours)
    co_return fail(ours.error());
  for (const auto& one : *ours) {
    removed = co_await engine.remove(one.id);
    if (!removed)
      co_return removed;
  }
  co_return removed;
}

/// By its name, which is quick, or else by its label.
asio::awaitable<result<std::optional<sandfleet::docker::container_info>>> box::find() {
  const auto is_ours = [this](const sandfleet::docker::container_info& one) {
    const auto label = one.labels.find(std::string(label_sandbox));
    return label != one.labels.end() && label->second == id_.str();
  };
  auto seen = co_await engine_.inspect(container());
  if (!seen || (*seen && is_ours(**seen)))
    co_return seen;
  const auto ours = co_await own_containers(engine_, label_of(id_));
  if (!ours)
    co_return fail(ours.error());
  if (ours->empty())
    co_return std::optional<sandfleet::docker::container_info>();
  co_return co_await engine_.inspect(ours->front().id);
}

/// Removes the container and then its entry, without which nobody would look for the container.
asio::awaitable<result<void>> box::clear() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto self = shared_from_this();
  if (may_exist_) {
    auto removed = co_await remove_container();
    if (!removed)
      co_return removed;
  }
  co_await forget_entry();
  finish();
  co_return result<void>{};
}

void box::clear_later() {
  shared_->left->add(id_, [self = shared_from_this()]() -> asio::awaitable<result<void>> {
    co_return co_await transport::run_on(self->strand_, self->clear());
  });
}

asio::awaitable<result<instance>> box::attach(registry_entry entry) {
  co_await asio::this_coro::throw_if_cancelled(false);
  record_ = std::move(entry.record);
  plan_.session_key = std::move(entry.session_key);
  plan_.overlays_dir = record_.overlays;
  const auto here = co_await engine_.identity();
  if (is_elsewhere(record_, here))
    co_return fail(
        make_error(errc::not_found, "the sandbox " + id_.str() + " is not on this Docker engine")
            .with_cause("it was made on another, " + record_.engine)
            .with_hint("name that engine by DOCKER_HOST or a Docker context"));
  const auto seen = co_await find();
  if (!seen)
    co_return fail(seen.error());
  if (!*seen || ((*seen)->has_ended() && !(*seen)->labels.contains(std::string(label_pauses))))
    co_return fail(errc::not_found, "the sandbox " + id_.str() + " has ended");
  standing_ = record_.kept ? standing::kept : standing::foreign;
  may_exist_ = true;
  container_id_ = (*seen)->id;
  plan_.ports.agent = agent_port(**seen);
  ports_ = published_ports((*seen)->labels, (*seen)->bindings, agent_host(engine_.host()));
  if (plan_.ports.agent == 0)
    plan_.sockets_dir = dir_ + "/sockets";
  pause_stops_ = (*seen)->labels.contains(std::string(label_pauses));
  paused_ = (*seen)->status == "paused" || (*seen)->has_ended();
  facts_.was_ready = true;
  if (!paused_)
    follow_output(false);
  co_return endpoint();
}

asio::awaitable<result<void>> box::keep(milliseconds life) {
  // What has begun is finished; it takes no longer than its patience.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (report_)
    co_return fail(ended());
  if (standing_ == standing::foreign)
    co_return fail(not_ours(id_));
  if (paused_)
    co_return fail(make_error(errc::unsupported, "the sandbox " + id_.str() + " is paused")
                       .with_hint("resume it before it is kept"));
  const auto before = record_;
  set_life(record_, life);
  // The record first: one who dies in between leaves an entry that says what was wanted.
  auto done = shared_->entries->update(record_);
  if (done)
    done = co_await tell_life(strand_, endpoint(), life);
  if (done) {
    standing_ = standing::kept;
    co_return done;
  }
  record_ = before;
  (void)shared_->entries->update(record_);
  co_return done;
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
  if (standing_ == standing::own) {
    asio::co_spawn(
        strand_, [self = shared_from_this()] { return self->take_down(); }, asio::detached);
    return;
  }
  released_ = true;
  output_.cancel();
  notify();
}

asio::awaitable<result<exit_report>> box::wait() {
  auto woke = wake::changed;
  while (!report_ && !released_ && woke != wake::cancelled)
    woke = co_await next_change(time_point::max());
  if (report_)
    co_return *report_;
  co_return fail(cancelled("waiting for the sandbox " + id_.str()));
}

asio::awaitable<result<exit_report>> box::stop(milliseconds grace) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (report_)
    co_return *report_;
  if (standing_ == standing::foreign)
    co_return fail(not_ours(id_));
  facts_.was_asked = true;
  const auto self = shared_from_this();
  if (auto used = co_await uninterrupted(engine_.usage(container())))
    facts_.usage = std::move(*used);
  if (grace.count() > 0)
    (void)co_await uninterrupted(engine_.stop(container(), grace));
  auto removed = co_await uninterrupted(engine_.remove(container()));
  if (!removed && !report_) {
    clear_later();
    co_return fail(std::move(removed.error()));
  }
  co_await forget_entry();
  finish();
  co_return *report_;
}

asio::awaitable<result<void>> box::pause() {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (report_)
    co_return fail(ended());
  if (paused_)
    co_return result<void>{};
  paused_ = true; // before its end can be seen
  auto work = pause_stops_ ? engine_.stop(container(), stop_patience) : engine_.pause(container());
  auto done = co_await uninterrupted(std::move(work));
  if (!done)
    paused_ = false;
  co_return done;
}

asio::awaitable<result<instance>> box::resume() {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (report_)
    co_return fail(ended());
  if (!pause_stops_) {
    auto done = co_await uninterrupted(engine_.unpause(container()));
    if (!done)
      co_return fail(std::move(done.error()));
    if (!is_followed_)
      follow_output(false);
  } else if (paused_) {
    const auto seen = co_await engine_.inspect(container());
    if (!seen)
      co_return fail(seen.error());
    if (*seen && (*seen)->status == "running") { // somebody else has resumed it
      paused_ = false;
      if (!is_followed_)
        follow_output(false);
      co_return endpoint();
    }
    facts_.was_ready = false;
    if (auto offered = offer_socket(); !offered)
      co_return fail(std::move(offered.error()));
    paused_ = false;
    auto started = co_await start_container(clock::now() + resume_patience);
    if (!started)
      co_return fail(std::move(started.error()));
  }
  paused_ = false;
  co_return endpoint();
}

asio::awaitable<result<instance_state>> box::inspect() {
  if (report_)
    co_return instance_state::gone;
  const auto seen = co_await engine_.inspect(container());
  if (!seen)
    co_return fail(seen.error());
  if (paused_ && *seen)
    co_return instance_state::paused;
  if (*seen && !(*seen)->has_ended())
    co_return (*seen)->status == "paused" ? instance_state::paused : instance_state::running;
  co_await look();
  if (paused_ && !report_)
    co_return instance_state::paused;
  if (report_)
    co_return instance_state::gone;
  co_return fail(
      make_error(errc::connection_failed, "the Docker engine went away")
          .with_cause("it was asked what became of the container of the sandbox " + id_.str()));
}

void box::follow_output(bool earlier) {
  is_followed_ = true;
  is_attached_ = false;
  output_ =
      transport::op::start(strand_,
                           engine_.follow_output(
                               container(), earlier,
                               [self = weak_from_this()](std::string_view bytes) {
                                 if (const auto alive = self.lock())
                                   asio::post(alive->strand_, [alive, text = std::string(bytes)] {
                                     alive->on_output(text);
                                   });
                               },
                               [self = weak_from_this()] {
                                 if (const auto alive = self.lock())
                                   asio::post(alive->strand_, [alive] {
                                     alive->is_attached_ = true;
                                     alive->notify();
                                   });
                               }),
                           [self = weak_from_this()](const result<void>& done) {
                             if (const auto alive = self.lock())
                               asio::post(alive->strand_, [alive, done] {
                                 alive->is_followed_ = false;
                                 if (!done && !alive->facts_.was_ready)
                                   alive->follow_failure_ = done.error();
                                 alive->notify();
                                 alive->look_again();
                               });
                           });
}

void box::on_output(std::string_view bytes) {
  lines_.feed(bytes, [this](std::string_view line) {
    if (line == ready_line && !facts_.was_ready) {
      facts_.was_ready = true;
      return;
    }
    facts_.log.append(line).append("\n");
    if (facts_.log.size() > max_log)
      facts_.log.erase(0, facts_.log.size() - max_log);
    if (shared_->settings.on_log)
      shared_->settings.on_log(id_, line);
  });
  notify();
}

void box::finish() {
  if (!report_)
    report_ = verdict_ ? std::move(*verdict_) : judge_end(facts_);
  if (handover_)
    handover_->close();
  output_.cancel();
  notify();
}

asio::awaitable<void> box::forget_entry() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto overlays = plan_.overlays_dir.empty() ? dir_ + "/overlays" : plan_.overlays_dir;
  const std::vector<std::string> places = {overlays, dir_};
  for (const auto& place : places) {
    auto removed = co_await remove_tree(engine_.within(removal_patience), place, record_.image);
    if (!removed && shared_->settings.on_trouble)
      shared_->settings.on_trouble(id_, "left_behind", removed.error());
  }
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

} // namespace sandfleet::providers::docker
