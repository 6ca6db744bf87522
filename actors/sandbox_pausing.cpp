#include "actors/ask.hpp"
#include "actors/sandbox_actor.hpp"

#include <utility>

namespace sandfleet::actors {

using core::lifecycle_event;

namespace {

error paused_error(const sandbox_id& id) {
  return make_error(errc::sandbox_paused, "sandbox " + id.str() + " was paused meanwhile")
      .with_hint("its next use resumes it");
}

} // namespace

bool sandbox_actor_state::is_held() const {
  return now_ == sandbox_state::pausing || now_ == sandbox_state::paused;
}

void sandbox_actor_state::pause(caf::typed_response_promise<caf::ok_atom> answer) {
  if (foreign_) {
    answer.deliver(to_caf(foreign_error()));
  } else if (now_ == sandbox_state::paused) {
    answer.deliver(caf::ok_atom_v);
  } else if (is_held() || (now_ == sandbox_state::ready && !letting_go_)) {
    pauses_.add(std::move(answer));
    hold();
  } else {
    answer.deliver(to_caf(verdict_.value_or(
        make_error(errc::invalid_argument, "sandbox " + parts_.id.str() + " cannot be paused")
            .with_cause("its state is " + std::string(to_string(now_))))));
  }
}

/// Nobody finds the sandbox from here on: who looks for it wakes it up.
void sandbox_actor_state::hold() {
  if (is_held() || !advance(lifecycle_event::pause_begun))
    return;
  end_health();
  reports_.fail(paused_error(parts_.id));
  const auto before = link_->current_route();
  link_->publish_route(nullptr);
  ask<caf::ok_atom>(
      self_, parts_.provider, deadlines::provider_pause, [this](caf::ok_atom) { held(); },
      [this, before](const failure& why) { hold_failed(why.what, *before); }, pause_atom_v,
      parts_.id);
}

void sandbox_actor_state::held() {
  if (is_over()) {
    if (verdict_)
      pauses_.fail(*verdict_);
    return; // else the end of its stop answers
  }
  advance(lifecycle_event::pause_done);
  pauses_.deliver(caf::ok_atom_v);
  if (leaving_)
    leave();
  else if (!reports_.empty())
    wake();
}

/// It goes on as it was. Should it stand still all the same, its health checker finds out.
void sandbox_actor_state::hold_failed(const error& why, const route& before) {
  pauses_.fail(why);
  if (is_over())
    return;
  auto next = before;
  next.generation = ++generation_;
  link_->publish_route(std::make_shared<const route>(std::move(next)));
  advance(lifecycle_event::became_ready, &why);
  begin_health(probe_mode::regular);
  reports_.deliver(link_->current_route());
  if (leaving_)
    let_go();
}

/// By somebody else. Who is told may use it again, which wakes it; it is not for us to do so.
void sandbox_actor_state::found_paused() {
  end_health();
  reports_.fail(paused_error(parts_.id));
  link_->publish_route(nullptr);
  verdict_.reset();
  advance(now_ == sandbox_state::ready ? lifecycle_event::pause_begun
                                       : lifecycle_event::resume_begun);
  advance(lifecycle_event::pause_done);
}

void sandbox_actor_state::wake() {
  resume(paused_error(parts_.id));
}

void sandbox_actor_state::report_held(std::uint64_t generation,
                                      caf::typed_response_promise<route_ptr> answer) {
  if (generation != 0) { // of a call that was under way
    answer.deliver(to_caf(paused_error(parts_.id)));
    return;
  }
  reports_.add(std::move(answer));
  if (now_ == sandbox_state::paused)
    wake();
}

} // namespace sandfleet::actors
