#include "actors/sandbox_actor.hpp"

#include "actors/ask.hpp"
#include "actors/log.hpp"

#include <utility>

namespace sandfleet::actors {

using core::lifecycle_event;

sandbox_actor_state::~sandbox_actor_state() {
  end_health();
  for (auto& [session, actor] : sessions_)
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  if (parts_.board)
    parts_.board->close(parts_.id);
}

void sandbox_actor_state::begin(sandbox_actor::pointer self, sandbox_parts parts) {
  self_ = self;
  parts_ = std::move(parts);
  parts_.board->open(parts_.id);
}

bool sandbox_actor_state::advance(lifecycle_event event, const error* why) {
  const auto next = core::next_state(now_, event);
  if (!next) {
    log_event(log_level::error, "transition_refused",
              {{"sandbox", parts_.id.str()},
               {"state", to_string(now_)},
               {"event", core::to_string(event)}});
    return false;
  }
  const auto from = std::exchange(now_, *next);
  link_->publish_state(now_);
  log_event(why ? log_level::warning : log_level::info, "sandbox_state",
            {{"sandbox", parts_.id.str()},
             {"from", to_string(from)},
             {"to", to_string(now_)},
             {"error", why ? why->to_string() : std::string()}});
  if (*parts_.observer)
    (*parts_.observer)({parts_.id, from, now_, std::chrono::system_clock::now(),
                        why ? std::optional<error>(*why) : std::nullopt});
  return true;
}

bool sandbox_actor_state::is_over() const {
  return now_ == sandbox_state::stopping || now_ == sandbox_state::stopped ||
         now_ == sandbox_state::error || now_ == sandbox_state::error_memory;
}

void sandbox_actor_state::start(caf::typed_response_promise<ready_ptr> answer) {
  start_.add(std::move(answer));
  if (advance(lifecycle_event::start_begun))
    ask_start();
}

void sandbox_actor_state::ask_start() {
  starting_ = true;
  ask<instance_ptr>(
      self_, parts_.provider, deadlines::start,
      [this](const instance_ptr& made) {
        starting_ = false;
        started(made);
      },
      [this, life = provider_life_](failure why) {
        starting_ = false;
        start_failed(std::move(why), life);
      },
      start_atom_v, parts_.id, parts_.spec);
}

void sandbox_actor_state::building(bool is) {
  if (now_ == (is ? sandbox_state::starting_runtime : sandbox_state::building_runtime))
    advance(is ? lifecycle_event::build_begun : lifecycle_event::start_begun);
}

void sandbox_actor_state::started(const instance_ptr& made) {
  if (now_ == sandbox_state::stopping) {
    ask_stop(); // it was taken back while it came up
    return;
  }
  building(false);
  come_up(*made);
  start_.deliver(describe());
}

ready_ptr sandbox_actor_state::describe() const {
  return std::make_shared<const ready_sandbox>(
      ready_sandbox{parts_.id, link_, limits_, workspace_, ports_});
}

void sandbox_actor_state::take_up(const providers::instance& made) {
  ++generation_;
  limits_ = made.limits;
  workspace_ = made.workspace;
  ports_ = made.ports;
  self_->send(parts_.provider, watch_atom_v, parts_.id, end_observer_actor(sandbox_actor(self_)));
}

void sandbox_actor_state::come_up(const providers::instance& made) {
  take_up(made);
  advance(lifecycle_event::runtime_up);
  link_->publish_route(
      std::make_shared<const route>(route{generation_, made.agent, made.session_key}));
  advance(lifecycle_event::became_ready);
  begin_health(probe_mode::regular);
  reports_.deliver(link_->current_route());
}

void sandbox_actor_state::start_failed(failure why, unsigned life) {
  if (now_ == sandbox_state::stopping) {
    // A start that was taken back leaves nothing; of any other, it is not known.
    if (why.what.code == errc::cancelled)
      finish_stop({});
    else
      ask_stop();
    return;
  }
  if (retry_in_next_life(why, life, interrupted::start))
    return;
  if (why.origin == failure_origin::deadline)
    self_->send(parts_.provider, cancel_atom_v, parts_.id);
  fail_with(std::move(why.what));
  begin_stop(); // what failed is still taken away
}

void sandbox_actor_state::cancel() {
  if (start_.empty())
    return; // it is ready, and the caller knows
  cancelled_ = true;
  begin_stop();
}

void sandbox_actor_state::stop(caf::typed_response_promise<report_ptr> answer) {
  if (foreign_ && !is_over()) {
    answer.deliver(to_caf(foreign_error()));
    return;
  }
  stops_.add(std::move(answer));
  if (final_)
    stops_.deliver(final_);
  else if (!letting_go_)
    begin_stop();
}

void sandbox_actor_state::leave() {
  leaving_ = true;
  if (now_ == sandbox_state::stopped || interrupted_ == interrupted::stop || parted_)
    conclude();
  else if (outlives_ && !is_over())
    leave_standing();
  else if (!keeping_) // whose answer leads on
    begin_stop();
}

void sandbox_actor_state::leave_standing() {
  if (now_ == sandbox_state::ready && parts_.spec && parts_.settings.pause_at_close)
    hold();
  else if (now_ != sandbox_state::pausing) // whose answer leads on
    let_go();
}

void sandbox_actor_state::begin_stop() {
  if (now_ == sandbox_state::stopping || !advance(lifecycle_event::stop_begun))
    return;
  withdraw_service(verdict_.value_or(
      make_error(errc::sandbox_lost, "sandbox " + parts_.id.str() + " was stopped")));
  interrupted_ = interrupted::nothing;
  if (starting_)
    self_->send(parts_.provider, cancel_atom_v, parts_.id); // its answer leads on
  else
    ask_stop();
}

void sandbox_actor_state::ask_stop() {
  ask<report_ptr>(
      self_, parts_.provider, deadlines::provider_stop,
      [this](const report_ptr& last) { finish_stop(*last); },
      [this, life = provider_life_](failure why) { stop_failed(std::move(why), life); },
      stop_atom_v, parts_.id);
}

void sandbox_actor_state::stop_failed(failure why, unsigned life) {
  if (!leaving_ && retry_in_next_life(why, life, interrupted::stop))
    return;
  if (why.what.code == errc::not_found && why.origin == failure_origin::peer) {
    finish_stop({});
    return;
  }
  advance(lifecycle_event::failed, &why.what);
  if (!verdict_)
    verdict_ = why.what;
  start_.fail(*verdict_);
  stops_.fail(why.what);
  if (leaving_)
    self_->quit();
}

void sandbox_actor_state::finish_stop(const providers::exit_report& last) {
  advance(lifecycle_event::stop_done);
  self_->send(parts_.provider, unwatch_atom_v, parts_.id);
  auto final_report = unexpected_.value_or(last);
  if (verdict_)
    final_report.failure = verdict_;
  const auto verdict = verdict_.value_or(
      make_error(errc::sandbox_lost, "sandbox " + parts_.id.str() + " was stopped"));

  if (cancelled_ || !verdict_)
    start_.fail(make_error(leaving_ && !cancelled_ ? errc::shutting_down : errc::cancelled,
                           "the start of sandbox " + parts_.id.str() + " was taken back"));
  else
    start_.fail(verdict);
  final_ = std::make_shared<const providers::exit_report>(final_report);
  stops_.deliver(final_);
  reports_.fail(verdict);
  pauses_.fail(verdict);
  self_->send(parts_.owner, ended_atom_v, parts_.id,
              std::make_shared<const ending>(ending{std::move(final_report), verdict}));
  if (leaving_)
    self_->quit();
}

void sandbox_actor_state::conclude() {
  if (parted_) {
    detaches_.deliver(caf::ok_atom_v);
    start_.fail(*parted_);
    stops_.fail(*parted_);
    reports_.fail(*parted_);
  }
  self_->quit();
}

void sandbox_actor_state::withdraw_service(const error& why) {
  parts_.board->close(parts_.id);
  link_->publish_route(nullptr);
  end_health();
  end_sessions(why);
}

void sandbox_actor_state::begin_health(probe_mode mode) {
  end_health();
  if (parts_.settings.health_interval.count() == 0 || !parts_.health || generation_ == 0)
    return;
  // Of a service's sandbox it would look like use, and keep it from being paused when it is idle.
  if (mode == probe_mode::regular && link_->current_route()->agent.is_behind_gateway)
    return;
  checker_ = self_->spawn(health_checker,
                          health_subject{parts_.id, link_->current_route()->agent, parts_.health,
                                         health_observer_actor(sandbox_actor(self_)), mode},
                          parts_.settings);
  self_->monitor(checker_);
}

void sandbox_actor_state::end_health() {
  if (!checker_)
    return;
  caf::anon_send_exit(std::exchange(checker_, nullptr), caf::exit_reason::user_shutdown);
}

sandbox_actor::behavior_type sandbox(sandbox_actor::stateful_pointer<sandbox_actor_state> self,
                                     sandbox_parts parts) {
  self->state.begin(self, std::move(parts));
  self->set_exit_handler([self](caf::exit_msg&) { self->state.leave(); });
  self->set_down_handler([self](caf::down_msg& down) { self->state.child_died(down); });
  return {
      [self](start_atom) -> caf::result<ready_ptr> {
        auto answer = self->make_response_promise<ready_ptr>();
        self->state.start(answer);
        return answer;
      },
      [self](attach_atom) -> caf::result<ready_ptr> {
        auto answer = self->make_response_promise<ready_ptr>();
        self->state.attach(answer);
        return answer;
      },
      [self](keep_atom, caf::timespan life) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.keep(life, answer);
        return answer;
      },
      [self](pause_atom) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.pause(answer);
        return answer;
      },
      [self](setup_atom, std::uint64_t number, setup_step step) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.set_up(number, step, answer);
        return answer;
      },
      [self](detach_atom) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.detach(answer);
        return answer;
      },
      [self](cancel_atom) { self->state.cancel(); },
      [self](stop_atom) -> caf::result<report_ptr> {
        auto answer = self->make_response_promise<report_ptr>();
        self->state.stop(answer);
        return answer;
      },
      [self](report_atom, std::uint64_t generation, const error& seen) -> caf::result<route_ptr> {
        auto answer = self->make_response_promise<route_ptr>();
        self->state.report(generation, seen, answer);
        return answer;
      },
      [self](take_atom, const turn_request& request,
             const waiter_ptr& place) -> caf::result<token_ptr> {
        auto answer = self->make_response_promise<token_ptr>();
        self->state.take(request, place, answer);
        return answer;
      },
      [self](cancel_atom, const turn_request& request) { self->state.cancel_turn(request); },
      [self](ended_atom, const report_ptr& report) { self->state.ended(*report); },
      [self](building_atom, const sandbox_id&, bool is) { self->state.building(is); },
      [self](lost_atom, const error& why) { self->state.lost(why); },
      [self](alive_atom) { self->state.alive(); },
      [self](expired_atom) { self->state.no_news(); },
      [self](replace_atom, const provider_actor& next) { self->state.replace(next); },
      [self](replace_atom, const health_port_actor& next) { self->state.replace(next); },
      [self](giveup_atom, const error& why) { self->state.provider_given_up(why); },
      [self](done_atom) { self->state.conclude(); },
  };
}

} // namespace sandfleet::actors
