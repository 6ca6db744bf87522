#include "actors/provider_actor.hpp"

#include "actors/ask.hpp"
#include "actors/log.hpp"

#include <sandfleet/spec.hpp>

#include <algorithm>
#include <utility>

namespace sandfleet::actors {

namespace {

/// Whether the provider itself has waited, for as long as the start may take.
bool was_waited_for(const error& why) {
  return std::ranges::any_of(why.evidence,
                             [](const auto& one) { return one.first == "waited_ms"; });
}

error cancelled_error(const sandbox_id& id) {
  return make_error(errc::cancelled, "the start of sandbox " + id.str() + " was taken back");
}

} // namespace

void provider_state::begin(provider_actor::pointer self, provider_port_actor port,
                           const actor_settings& settings) {
  self_ = self;
  port_ = std::move(port);
  settings_ = settings;
  next_seed_ = settings.seed;
}

void provider_state::start(const sandbox_id& id, spec_ptr spec, build_observer_actor asker,
                           caf::typed_response_promise<instance_ptr> answer) {
  if (jobs_.contains(id)) {
    answer.deliver(to_caf(
        make_error(errc::already_exists, "sandbox " + id.str() + " is being started already")));
    return;
  }
  job j{.spec = std::move(spec),
        .asker = std::move(asker),
        .answer = {},
        .retries = core::backoff(settings_.start_retry, ++next_seed_),
        .begun = self_->system().clock().now()};
  j.answer.add(std::move(answer));
  jobs_.emplace(id, std::move(j));
  queue_.push_back(id);
  pump();
}

void provider_state::pump() {
  while (running_ < settings_.max_parallel_starts && !(prepared_.empty() && queue_.empty())) {
    auto& line = prepared_.empty() ? queue_ : prepared_;
    const auto id = std::move(line.front());
    line.pop_front();
    auto& j = jobs_.at(id);
    ++running_;
    if (std::exchange(j.now, phase::running) == phase::prepared)
      self_->send(port_, proceed_atom_v, id);
    else
      launch(id, j);
  }
}

void provider_state::launch(const sandbox_id& id, job& j) {
  ++j.attempt;
  const auto limit =
      j.spec->start_timeout + settings_.preparation + deadlines::provider_start_margin;
  ask<instance_ptr>(
      self_, port_, limit,
      [this, id](const instance_ptr& made) {
        const auto found = jobs_.find(id);
        give_place(id, found->second);
        found->second.answer.deliver(made);
        jobs_.erase(found);
        pump();
      },
      [this, id](failure why) { attempt_failed(id, std::move(why)); }, start_atom_v, id,
      spec_ptr(j.spec));
}

void provider_state::attempt_failed(const sandbox_id& id, failure why) {
  if (why.origin != failure_origin::deadline) {
    settle(id, std::move(why.what));
    return;
  }
  auto late = make_error(errc::timed_out, "sandbox " + id.str() + " did not start in time")
                  .blamed_on(failure_class::infrastructure);
  // The place stays taken until the provider has let go of what it began.
  ask<caf::ok_atom>(
      self_, port_, deadlines::provider_cancel,
      [this, id, late](caf::ok_atom) { settle(id, late); },
      [this, id, late](const failure&) {
        // Trying again beside an attempt that still runs could make two.
        auto stuck = late;
        settle(id, std::move(stuck)
                       .with_cause("the provider neither started it nor gave up when asked to")
                       .blamed_on(failure_class::ambiguous));
      },
      cancel_atom_v, id);
}

void provider_state::settle(const sandbox_id& id, error why) {
  const auto found = jobs_.find(id);
  auto& j = found->second;
  give_place(id, j);
  tell_building(id, j, false);
  if (j.cancelled)
    leave(found, cancelled_error(id));
  else if (!may_be_retried(why) || was_waited_for(why))
    leave(found, why);
  else if (const auto delay =
               j.retries.next_delay(std::chrono::duration_cast<std::chrono::milliseconds>(
                   self_->system().clock().now() - j.begun)))
    back_off(id, j, *delay, why);
  else
    leave(found, std::move(why).with("attempts", std::int64_t{j.attempt}));
  pump();
}

void provider_state::back_off(const sandbox_id& id, job& j, std::chrono::milliseconds delay,
                              const error& why) {
  j.now = phase::backing_off;
  log_event(log_level::warning, "start_retry",
            {{"sandbox", id.str()},
             {"attempt", std::to_string(j.attempt)},
             {"delay_ms", std::to_string(delay.count())},
             {"error", why.to_string()}});
  self_->delayed_send(provider_actor(self_), delay, retry_atom_v, id, j.attempt);
}

void provider_state::retry(const sandbox_id& id, std::uint32_t attempt) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.now != phase::backing_off ||
      found->second.attempt != attempt)
    return;
  found->second.now = phase::queued;
  // It has waited longer than all who are in the queue.
  queue_.push_front(id);
  pump();
}

/// An attempt runs no more, or just waits. Whatever it was doing, it is counted once.
void provider_state::give_place(const sandbox_id& id, const job& j) {
  if (j.now == phase::running)
    --running_;
  else if (j.now == phase::prepared)
    std::erase(prepared_, id);
}

void provider_state::tell_building(const sandbox_id& id, job& j, bool builds) {
  if (std::exchange(j.builds, builds) != builds)
    self_->send(j.asker, building_atom_v, id, builds);
}

void provider_state::preparing(const sandbox_id& id, bool builds) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end())
    return;
  auto& j = found->second;
  if (j.now != phase::running && j.now != phase::preparing)
    return;
  give_place(id, j);
  j.now = phase::preparing;
  tell_building(id, j, builds);
  pump();
}

void provider_state::prepared(const sandbox_id& id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end())
    return;
  if (found->second.now == phase::running)
    self_->send(port_, proceed_atom_v, id); // it did not have to give its place away
  if (found->second.now != phase::preparing)
    return;
  tell_building(id, found->second, false);
  found->second.now = phase::prepared;
  prepared_.push_back(id);
  pump();
}

void provider_state::cancel(const sandbox_id& id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || std::exchange(found->second.cancelled, true))
    return;
  if (found->second.now != phase::queued && found->second.now != phase::backing_off) {
    // The start itself then answers; what the port says to this request adds nothing.
    ask<caf::ok_atom>(
        self_, port_, deadlines::provider_cancel, [](caf::ok_atom) {}, [](const failure&) {},
        cancel_atom_v, id);
    return;
  }
  std::erase(queue_, id);
  leave(found, cancelled_error(id));
}

void provider_state::leave(jobs::iterator who, const error& why) {
  who->second.answer.fail(why);
  jobs_.erase(who);
}

provider_actor::behavior_type provider(provider_actor::stateful_pointer<provider_state> self,
                                       provider_port_actor port, actor_settings settings) {
  self->link_to(port);
  self->state.begin(self, std::move(port), settings);
  return {
      [self](start_atom, const sandbox_id& id, const spec_ptr& spec) -> caf::result<instance_ptr> {
        // A promise takes the sender away.
        auto asker = caf::actor_cast<build_observer_actor>(self->current_sender());
        auto answer = self->make_response_promise<instance_ptr>();
        self->state.start(id, spec, std::move(asker), answer);
        return answer;
      },
      [self](cancel_atom, const sandbox_id& id) { self->state.cancel(id); },
      [self](stop_atom, const sandbox_id& id) -> caf::result<report_ptr> {
        return self->delegate(self->state.port(), stop_atom_v, id);
      },
      [self](inspect_atom, const sandbox_id& id) -> caf::result<providers::instance_state> {
        return self->delegate(self->state.port(), inspect_atom_v, id);
      },
      [self](pause_atom, const sandbox_id& id) -> caf::result<caf::ok_atom> {
        return self->delegate(self->state.port(), pause_atom_v, id);
      },
      [self](resume_atom, const sandbox_id& id) -> caf::result<instance_ptr> {
        return self->delegate(self->state.port(), resume_atom_v, id);
      },
      [self](attach_atom, const sandbox_id& id) -> caf::result<instance_ptr> {
        return self->delegate(self->state.port(), attach_atom_v, id);
      },
      [self](keep_atom, const sandbox_id& id, caf::timespan life) -> caf::result<caf::ok_atom> {
        return self->delegate(self->state.port(), keep_atom_v, id, life);
      },
      [self](detach_atom, const sandbox_id& id) -> caf::result<caf::ok_atom> {
        return self->delegate(self->state.port(), detach_atom_v, id);
      },
      [self](list_atom) -> caf::result<listing_ptr> {
        return self->delegate(self->state.port(), list_atom_v);
      },
      [self](watch_atom, const sandbox_id& id, const end_observer_actor& observer) {
        self->send(self->state.port(), watch_atom_v, id, observer);
      },
      [self](unwatch_atom, const sandbox_id& id) {
        self->send(self->state.port(), unwatch_atom_v, id);
      },
      [self](preparing_atom, const sandbox_id& id, bool builds) {
        self->state.preparing(id, builds);
      },
      [self](prepared_atom, const sandbox_id& id) { self->state.prepared(id); },
      [self](retry_atom, const sandbox_id& id, std::uint32_t attempt) {
        self->state.retry(id, attempt);
      },
  };
}

} // namespace sandfleet::actors
