#include "actors/bash_session.hpp"

#include <algorithm>
#include <utility>

namespace sandfleet::actors {

namespace {

/// CAF's clock keeps a delayed message, and so its actor, until the message is due. This bounds how
/// long a session that has ended can be kept by a patient waiter's timer.
constexpr std::chrono::nanoseconds longest_timer = std::chrono::seconds(30);

class session_listener final : public turn_gate::listener {
 public:
  explicit session_listener(bash_session_actor session) : session_(std::move(session)) {}
  void turn_released() override { caf::anon_send(session_, release_atom_v); }

 private:
  bash_session_actor session_;
};

} // namespace

bash_session_state::~bash_session_state() {
  if (gate_)
    gate_->forget();
}

void bash_session_state::begin(bash_session_actor::pointer self, std::shared_ptr<turn_gate> gate) {
  self_ = self;
  gate_ = std::move(gate);
  gate_->listen(std::make_shared<session_listener>(bash_session_actor(self)));
}

void bash_session_state::take(const turn_request& request, const waiter_ptr& place,
                              caf::typed_response_promise<token_ptr> answer) {
  auto& last = line_.emplace_back(waiting{.id = request.waiter,
                                          .place = place,
                                          .answer = {},
                                          .until = self_->system().clock().now() + request.timeout,
                                          .session = request.session});
  last.answer.add(std::move(answer));
  grant();
  arm();
}

void bash_session_state::released() {
  free_ = true;
  grant();
}

void bash_session_state::grant() {
  if (!free_ || line_.empty())
    return;
  free_ = false;
  // Void notices are confirmed with a waiter in hand, so that the turn cannot become free
  // meanwhile.
  if (!gate_->confirm_release())
    return;
  auto first = std::move(line_.front());
  line_.pop_front();
  first.answer.deliver(first.place->promote());
}

void bash_session_state::cancel(std::uint64_t waiter) {
  const auto found = std::ranges::find(line_, waiter, &waiting::id);
  if (found == line_.end())
    return;
  found->answer.fail(make_error(errc::cancelled, "the wait for session '" + found->session.str() +
                                                     "' was taken back"));
  line_.erase(found);
}

void bash_session_state::arm() {
  if (line_.empty())
    return;
  const auto now = self_->system().clock().now();
  const auto first = std::ranges::min_element(line_, {}, &waiting::until)->until;
  const auto due = std::min(std::max(first, now), now + longest_timer);
  if (armed_ && *armed_ <= due)
    return;
  armed_ = due;
  self_->scheduled_send(bash_session_actor(self_), due, expired_atom_v);
}

void bash_session_state::expire() {
  armed_.reset();
  const auto now = self_->system().clock().now();
  for (auto i = line_.begin(); i != line_.end();) {
    if (i->until > now) {
      ++i;
      continue;
    }
    i->answer.fail(make_error(errc::timed_out,
                              "session '" + i->session.str() + "' did not become free in time"));
    i = line_.erase(i);
  }
  arm();
}

void bash_session_state::end(const error& verdict) {
  for (auto& one : line_)
    one.answer.fail(verdict);
  line_.clear();
  self_->quit();
}

bash_session_actor::behavior_type
bash_session(bash_session_actor::stateful_pointer<bash_session_state> self,
             std::shared_ptr<turn_gate> gate) {
  self->state.begin(self, std::move(gate));
  return {
      [self](take_atom, const turn_request& request,
             const waiter_ptr& place) -> caf::result<token_ptr> {
        auto answer = self->make_response_promise<token_ptr>();
        self->state.take(request, place, answer);
        return answer;
      },
      [self](cancel_atom, std::uint64_t waiter) { self->state.cancel(waiter); },
      [self](release_atom) { self->state.released(); },
      [self](expired_atom) { self->state.expire(); },
      [self](ended_atom, const error& verdict) { self->state.end(verdict); },
  };
}

} // namespace sandfleet::actors
