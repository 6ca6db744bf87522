#include "actors/sandbox_actor.hpp"

#include <utility>

namespace sandfleet::actors {

using core::lifecycle_event;

bool sandbox_actor_state::is_being_set_up() const {
  return now_ == sandbox_state::setting_up_workspace || now_ == sandbox_state::setting_up_git_hooks;
}

bool sandbox_actor_state::serves() const {
  return now_ == sandbox_state::ready || is_being_set_up();
}

void sandbox_actor_state::set_up(std::uint64_t number, setup_step step,
                                 caf::typed_response_promise<caf::ok_atom> answer) {
  if (is_over()) {
    answer.deliver(to_caf(verdict_.value_or(
        make_error(errc::sandbox_lost, "sandbox " + parts_.id.str() + " was stopped"))));
    return;
  }
  const bool known = setup_ == number;
  if (step == setup_step::over) {
    if (known) {
      setup_.reset();
      show_setup(step);
    }
  } else if (!known && (setup_ || step != setup_step::begun)) {
    answer.deliver(to_caf(make_error(errc::already_exists, "another set-up of sandbox " +
                                                               parts_.id.str() + " is under way")
                              .with_hint("wait until it is over")));
    return;
  } else {
    setup_ = number;
    show_setup(step);
  }
  answer.deliver(caf::ok_atom_v);
}

/// A sandbox that is paused or in trouble shows that.
void sandbox_actor_state::show_setup(setup_step step) {
  switch (step) {
  case setup_step::begun:
    break;
  case setup_step::workspace:
    if (now_ == sandbox_state::ready)
      advance(lifecycle_event::setup_begun);
    break;
  case setup_step::git_hooks:
    if (serves())
      advance(lifecycle_event::hooks_begun);
    break;
  case setup_step::over:
    if (is_being_set_up())
      advance(lifecycle_event::became_ready);
    break;
  }
}

} // namespace sandfleet::actors
