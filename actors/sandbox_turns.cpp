#include "actors/bash_session.hpp"
#include "actors/sandbox_actor.hpp"

#include <utility>

namespace sandfleet::actors {

void sandbox_actor_state::take(const turn_request& request, const waiter_ptr& place,
                               caf::typed_response_promise<token_ptr> answer) {
  if (is_over() || !place) {
    answer.deliver(to_caf(verdict_.value_or(
        make_error(errc::sandbox_lost, "sandbox " + parts_.id.str() + " was stopped"))));
    return;
  }
  auto& session = sessions_[request.session];
  if (!session) {
    session = self_->spawn(bash_session, place->gate());
    self_->monitor(session);
  }
  answer.delegate(session, take_atom_v, request, place);
}

void sandbox_actor_state::cancel_turn(const turn_request& request) {
  if (const auto found = sessions_.find(request.session); found != sessions_.end())
    self_->send(found->second, cancel_atom_v, request.waiter);
}

void sandbox_actor_state::end_sessions(const error& why) {
  for (auto& [session, actor] : std::exchange(sessions_, {}))
    self_->send(actor, ended_atom_v, why);
}

} // namespace sandfleet::actors
