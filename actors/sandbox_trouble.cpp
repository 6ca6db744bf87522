#include "actors/ask.hpp"
#include "actors/log.hpp"
#include "actors/sandbox_actor.hpp"

#include <algorithm>
#include <utility>

namespace sandfleet::actors {

using core::lifecycle_event;
using providers::instance_state;

namespace {

/// Shells report a death by signal 9 as 128 + 9.
constexpr int killed_exit_code = 137;
constexpr int kill_signal = 9;

bool killed_for_memory(const providers::exit_report& report) {
  if (report.failure && report.failure->code == errc::out_of_memory)
    return true;
  return report.usage.oom_kills.value_or(0) > 0 &&
         (report.signal == kill_signal || report.exit_code == killed_exit_code);
}

/// Whether the call that failed, or the probe, had reached the sandbox.
bool was_under_way(const error& seen) {
  const std::pair<std::string, evidence_value> reached{"connected", std::int64_t{1}};
  return seen.code == errc::timed_out ||
         std::ranges::find(seen.evidence, reached) != seen.evidence.end();
}

/// Why a sandbox ended that was not asked to.
error verdict_on(const sandbox_id& id, const providers::exit_report& report) {
  if (report.failure && (report.failure->code == errc::out_of_memory || !killed_for_memory(report)))
    return *report.failure;
  error verdict =
      killed_for_memory(report)
          ? make_error(errc::out_of_memory, "sandbox " + id.str() + " ran out of memory")
          : make_error(errc::sandbox_lost, "sandbox " + id.str() + " ended by itself");
  if (report.failure) {
    verdict.cause = report.failure->to_string();
    verdict.evidence = report.failure->evidence;
  }
  if (report.exit_code)
    verdict.evidence.emplace_back("exit_code", std::int64_t{*report.exit_code});
  if (report.signal)
    verdict.evidence.emplace_back("signal", std::int64_t{*report.signal});
  if (report.usage.oom_kills)
    verdict.evidence.emplace_back("oom_kills", *report.usage.oom_kills);
  return verdict;
}

} // namespace

void sandbox_actor_state::fail_with(error verdict) {
  const bool memory = verdict.code == errc::out_of_memory;
  const auto event = memory && core::next_state(now_, lifecycle_event::ran_out_of_memory)
                         ? lifecycle_event::ran_out_of_memory
                         : lifecycle_event::failed;
  verdict_ = std::move(verdict);
  advance(event, &*verdict_);
  withdraw_service(*verdict_);
  reports_.fail(*verdict_);
}

void sandbox_actor_state::ended(const providers::exit_report& report) {
  if (is_over())
    return;
  unexpected_ = report;
  fail_with(verdict_on(parts_.id, report));
}

void sandbox_actor_state::lost(const error& why) {
  if (serves() && !inquiring_)
    inquire(why);
}

void sandbox_actor_state::alive() {
  if (now_ == sandbox_state::error_runtime_disconnected && !inquiring_) {
    verdict_.reset();
    advance(lifecycle_event::became_ready);
    if (link_->current_route()->agent.is_behind_gateway)
      end_health(); // see begin_health
    reports_.deliver(link_->current_route());
  }
}

void sandbox_actor_state::report(std::uint64_t generation, const error& seen,
                                 caf::typed_response_promise<route_ptr> answer) {
  if (is_over()) {
    answer.deliver(to_caf(verdict_.value_or(
        make_error(errc::sandbox_lost, "sandbox " + parts_.id.str() + " was stopped"))));
    return;
  }
  if (is_held()) {
    report_held(generation, std::move(answer));
    return;
  }
  const auto current = link_->current_route();
  if (current && generation < current->generation && serves()) {
    answer.deliver(current); // somebody else has seen to it
    return;
  }
  reports_.add(std::move(answer));
  if (!inquiring_ && current)
    inquire(seen);
}

void sandbox_actor_state::inquire(const error& seen) {
  inquiring_ = true;
  ask<instance_state>(
      self_, parts_.provider, deadlines::provider_inspect,
      [this, seen](instance_state found) {
        inquiring_ = false;
        if (!is_over() && !is_held())
          judge(found, seen);
      },
      [this, seen](const failure& why) {
        inquiring_ = false;
        if (!is_over() && !is_held())
          disconnected(
              make_error(errc::sandbox_lost, "sandbox " + parts_.id.str() + " cannot be inspected")
                  .with_cause(why.what.to_string())
                  .with("seen", seen.to_string()));
      },
      inspect_atom_v, parts_.id);
}

void sandbox_actor_state::judge(instance_state found, const error& seen) {
  switch (found) {
  case instance_state::running:
    probe_again(seen);
    break;
  case instance_state::paused:
    if (now_ == sandbox_state::ready && was_under_way(seen))
      found_paused();
    else
      resume(seen);
    break;
  case instance_state::gone:
    fetch_last_report(seen);
    break;
  }
}

void sandbox_actor_state::probe_again(const error& seen) {
  inquiring_ = true;
  ask<caf::ok_atom>(
      self_, parts_.health, parts_.settings.health_timeout + deadlines::probe_margin,
      [this](caf::ok_atom) {
        inquiring_ = false;
        if (is_over() || is_held())
          return;
        alive();
        reports_.deliver(link_->current_route());
      },
      [this, seen](const failure& why) {
        inquiring_ = false;
        if (!is_over() && !is_held())
          disconnected(make_error(errc::sandbox_lost,
                                  "the agent of sandbox " + parts_.id.str() + " does not answer")
                           .with_cause(why.what.to_string())
                           .with("seen", seen.to_string())
                           .with("provider_says", "running"));
      },
      probe_atom_v, link_->current_route()->agent, caf::timespan(parts_.settings.health_timeout));
}

void sandbox_actor_state::resume(const error& seen) {
  if (serves())
    advance(lifecycle_event::connection_lost, &seen);
  if (!advance(lifecycle_event::resume_begun))
    return;
  end_health();
  inquiring_ = true;
  ask<instance_ptr>(
      self_, parts_.provider, deadlines::provider_resume,
      [this](const instance_ptr& made) {
        inquiring_ = false;
        if (is_over())
          return;
        verdict_.reset();
        come_up(*made);
      },
      [this, seen](const failure& why) {
        inquiring_ = false;
        if (!is_over())
          fail_with(
              make_error(errc::sandbox_lost, "sandbox " + parts_.id.str() + " cannot be resumed")
                  .with_cause(why.what.to_string())
                  .with("seen", seen.to_string()));
      },
      resume_atom_v, parts_.id);
}

void sandbox_actor_state::fetch_last_report(const error& seen) {
  inquiring_ = true;
  // `stop` of a sandbox that is gone answers its last report.
  ask<report_ptr>(
      self_, parts_.provider, deadlines::provider_stop,
      [this](const report_ptr& last) {
        inquiring_ = false;
        ended(*last);
      },
      [this, seen](const failure& why) {
        inquiring_ = false;
        if (!is_over())
          fail_with(make_error(errc::sandbox_lost, "sandbox " + parts_.id.str() + " has vanished")
                        .with_cause(why.what.to_string())
                        .with("seen", seen.to_string()));
      },
      stop_atom_v, parts_.id);
}

void sandbox_actor_state::disconnected(error verdict) {
  if (serves())
    advance(lifecycle_event::connection_lost, &verdict);
  verdict_ = std::move(verdict);
  begin_health(probe_mode::suspicious);
  // Those who reported it are answered later: the provider's account of an end is the better one.
  self_->delayed_send(sandbox_actor(self_), deadlines::news_of_end, expired_atom_v);
}

void sandbox_actor_state::no_news() {
  if (now_ != sandbox_state::error_runtime_disconnected || !verdict_ || inquiring_ ||
      reports_.empty())
    return;
  inquiring_ = true;
  const auto tell = [this](bool is_paused) {
    inquiring_ = false;
    if (now_ != sandbox_state::error_runtime_disconnected || !verdict_)
      return;
    if (is_paused)
      found_paused();
    else
      reports_.fail(*verdict_);
  };
  // One whose pause is its stop breaks its connections before it is seen to be paused.
  ask<instance_state>(
      self_, parts_.provider, deadlines::provider_inspect,
      [tell](instance_state found) { tell(found == instance_state::paused); },
      [tell](const failure&) { tell(false); }, inspect_atom_v, parts_.id);
}

bool sandbox_actor_state::retry_in_next_life(failure& why, unsigned life, interrupted what) {
  if (why.origin != failure_origin::down)
    return false;
  if (provider_gone_) {
    why.what = *provider_gone_;
    return false;
  }
  if (life == provider_life_)
    interrupted_ = what;
  else if (what == interrupted::start)
    ask_start();
  else
    ask_stop();
  return true;
}

void sandbox_actor_state::replace(provider_actor next) {
  parts_.provider = std::move(next);
  ++provider_life_;
  switch (std::exchange(interrupted_, interrupted::nothing)) {
  case interrupted::start:
    ask_start();
    break;
  case interrupted::stop:
    ask_stop();
    break;
  case interrupted::nothing:
    if (generation_ > 0 && !is_over())
      self_->send(parts_.provider, watch_atom_v, parts_.id,
                  end_observer_actor(sandbox_actor(self_)));
    break;
  }
}

void sandbox_actor_state::replace(health_port_actor next) {
  parts_.health = std::move(next);
  if (checker_)
    begin_health(serves() ? probe_mode::regular : probe_mode::suspicious);
}

void sandbox_actor_state::provider_given_up(const error& why) {
  provider_gone_ = why;
  switch (std::exchange(interrupted_, interrupted::nothing)) {
  case interrupted::stop:
    stop_failed({why, failure_origin::peer}, provider_life_);
    break;
  case interrupted::start:
    fail_with(why);
    start_.fail(why);
    break;
  case interrupted::nothing:
    // What was asked of it and is still open fails by itself.
    if (!is_over() && !starting_)
      fail_with(why);
    break;
  }
}

void sandbox_actor_state::child_died(const caf::down_msg& down) {
  if (checker_ && down.source == checker_.address()) {
    log_event(log_level::error, "health_checker_died", {{"sandbox", parts_.id.str()}});
    begin_health(serves() ? probe_mode::regular : probe_mode::suspicious);
    return;
  }
  const auto found = std::ranges::find_if(
      sessions_, [&](const auto& one) { return one.second.address() == down.source; });
  if (found == sessions_.end())
    return;
  sessions_.erase(found);
  // Whoever held the turn cannot be told apart from those who waited, so the order is gone.
  fail_with(make_error(errc::internal, "a session actor of sandbox " + parts_.id.str() + " died"));
}

} // namespace sandfleet::actors
