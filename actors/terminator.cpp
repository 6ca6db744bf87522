#include "actors/terminator.hpp"

#include "actors/log.hpp"

#include <string>
#include <utility>

namespace sandfleet::actors {

void terminator_state::begin(terminator_actor::pointer self, caf::timespan grace) {
  self_ = self;
  grace_ = grace;
}

void terminator_state::end(const actor_stages& all,
                           caf::typed_response_promise<caf::ok_atom> answer) {
  answer_.add(std::move(answer));
  left_ = all.stages;
  self_->delayed_send(terminator_actor(self_), grace_, expired_atom_v);
  next_stage();
}

void terminator_state::next_stage() {
  while (now_.empty() && !left_.empty()) {
    now_ = std::move(left_.back());
    left_.pop_back();
    std::erase(now_, nullptr);
  }
  if (now_.empty()) {
    finish();
    return;
  }
  // To monitor an actor that has ended already gives its DOWN at once.
  for (const auto& one : now_) {
    self_->monitor(one);
    caf::anon_send_exit(one, how_);
  }
}

void terminator_state::gone(const caf::actor_addr& who) {
  std::erase_if(now_, [&](const auto& one) { return one->address() == who; });
  if (now_.empty())
    next_stage();
}

void terminator_state::expire() {
  if (answer_.empty())
    return;
  log_event(log_level::error, "shutdown_grace_over",
            {{"still_ending", std::to_string(now_.size())}});
  how_ = caf::exit_reason::kill;
  for (const auto& one : now_)
    caf::anon_send_exit(one, how_);
}

void terminator_state::finish() {
  answer_.deliver(caf::ok_atom_v);
  self_->quit();
}

terminator_actor::behavior_type
terminator(terminator_actor::stateful_pointer<terminator_state> self, caf::timespan grace) {
  self->state.begin(self, grace);
  self->set_down_handler([self](caf::down_msg& down) { self->state.gone(down.source); });
  return {
      [self](shutdown_atom, const actor_stages& all) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.end(all, answer);
        return answer;
      },
      [self](expired_atom) { self->state.expire(); },
  };
}

} // namespace sandfleet::actors
