#include "actors/ask.hpp"
#include "actors/log.hpp"
#include "actors/sandbox_actor.hpp"

#include <utility>

namespace sandfleet::actors {

using core::lifecycle_event;

error sandbox_actor_state::foreign_error() const {
  return make_error(errc::permission_denied,
                    "sandbox " + parts_.id.str() + " belongs to another program, which runs")
      .with_hint("it ends with that program");
}

void sandbox_actor_state::attach(caf::typed_response_promise<ready_ptr> answer) {
  if (is_over() && !letting_go_) {
    answer.deliver(to_caf(verdict_.value_or(
        make_error(errc::sandbox_lost, "sandbox " + parts_.id.str() + " was stopped"))));
    return;
  }
  if (now_ != sandbox_state::created && start_.empty() && !letting_go_) {
    answer.deliver(describe());
    return;
  }
  start_.add(std::move(answer));
  if (now_ != sandbox_state::created || !advance(lifecycle_event::resume_begun))
    return;
  outlives_ = true;
  starting_ = true;
  ask<instance_ptr>(
      self_, parts_.provider, deadlines::provider_attach,
      [this](const instance_ptr& made) {
        starting_ = false;
        attached(*made);
      },
      [this](const failure& why) {
        starting_ = false;
        attach_failed(why.what);
      },
      attach_atom_v, parts_.id);
}

void sandbox_actor_state::attached(const providers::instance& made) {
  foreign_ = made.foreign;
  if (now_ == sandbox_state::stopping) {
    ask_stop(); // asked for while it was being taken up
    return;
  }
  if (made.paused) {
    take_up(made);
    advance(lifecycle_event::pause_done);
  } else {
    come_up(made);
  }
  start_.deliver(describe());
  if (leaving_)
    let_go();
}

/// Nothing was begun, so nothing is taken away, and it may be tried again.
void sandbox_actor_state::attach_failed(const error& why) {
  advance(lifecycle_event::failed, &why);
  part(why);
}

void sandbox_actor_state::keep(caf::timespan life,
                               caf::typed_response_promise<caf::ok_atom> answer) {
  if (is_over() || letting_go_ || !start_.empty()) {
    answer.deliver(to_caf(verdict_.value_or(
        make_error(errc::sandbox_lost, "sandbox " + parts_.id.str() + " is not there to keep"))));
    return;
  }
  if (foreign_) {
    answer.deliver(to_caf(foreign_error()));
    return;
  }
  keeping_ = true;
  auto waiting = std::make_shared<owed<caf::ok_atom>>();
  waiting->add(std::move(answer));
  ask<caf::ok_atom>(
      self_, parts_.provider, deadlines::provider_keep,
      [this, waiting](caf::ok_atom) {
        keeping_ = false;
        outlives_ = true;
        waiting->deliver(caf::ok_atom_v);
        if (leaving_)
          leave();
      },
      [this, waiting](const failure& why) {
        keeping_ = false;
        waiting->fail(why.what);
        if (leaving_)
          leave();
      },
      keep_atom_v, parts_.id, life);
}

void sandbox_actor_state::detach(caf::typed_response_promise<caf::ok_atom> answer) {
  if (!outlives_ || is_over() || !start_.empty()) {
    answer.deliver(to_caf(
        make_error(errc::invalid_argument, "sandbox " + parts_.id.str() + " cannot be let go")
            .with_cause(is_over() ? "it has ended" : "it belongs to this program")
            .with_hint("keep it first, or stop it")));
    return;
  }
  detaches_.add(std::move(answer));
  let_go();
}

void sandbox_actor_state::let_go() {
  if (starting_ || std::exchange(letting_go_, true))
    return; // an answer leads on
  const auto why =
      make_error(errc::not_found, "sandbox " + parts_.id.str() + " was let go by this program");
  withdraw_service(why);
  self_->send(parts_.provider, unwatch_atom_v, parts_.id);
  // A provider that cannot be told forgets it at its own end.
  ask<caf::ok_atom>(
      self_, parts_.provider, deadlines::provider_detach, [this, why](caf::ok_atom) { part(why); },
      [this, why](const failure& failed) {
        log_event(log_level::warning, "detach_failed",
                  {{"sandbox", parts_.id.str()}, {"error", failed.what.to_string()}});
        part(why);
      },
      detach_atom_v, parts_.id);
}

/// Everybody is answered once the supervisor has forgotten this: who then asks again finds another
/// sandbox actor or none.
void sandbox_actor_state::part(const error& why) {
  letting_go_ = true;
  parted_ = why;
  self_->send(parts_.owner, done_atom_v, parts_.id);
  if (leaving_)
    conclude();
}

} // namespace sandfleet::actors
