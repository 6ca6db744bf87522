#include "actors/gateway_actor.hpp"

#include "actors/ask.hpp"
#include "actors/settings.hpp"

#include <utility>

namespace sandfleet::actors {

namespace {

error ended_error() {
  return make_error(errc::shutting_down, "the control plane has been shut down");
}

} // namespace

gateway_state::~gateway_state() {
  for (const auto& [id, abandon] : open_)
    abandon();
}

void gateway_state::begin(gateway_actor::pointer self, supervisor_actor supervisor) {
  self_ = self;
  supervisor_ = std::move(supervisor);
}

template <class T, class... Ts>
void gateway_state::forward(caf::timespan deadline, std::shared_ptr<reply<T>> to, Ts&&... message) {
  const auto id = ++last_id_;
  open_.emplace(id, [to] { to->complete(fail(ended_error())); });
  ask<T>(
      self_, supervisor_, deadline,
      [this, id, to](const T& value) {
        open_.erase(id);
        to->complete(value);
      },
      [this, id, to](failure why) {
        open_.erase(id);
        to->complete(fail(std::move(why.what)));
      },
      std::forward<Ts>(message)...);
}

template <class... Ts>
void gateway_state::forward_done(caf::timespan deadline, const done_reply& to, Ts&&... message) {
  const auto id = ++last_id_;
  open_.emplace(id, [to] { to->complete(fail(ended_error())); });
  ask<caf::ok_atom>(
      self_, supervisor_, deadline,
      [this, id, to](caf::ok_atom) {
        open_.erase(id);
        to->complete(nothing{});
      },
      [this, id, to](failure why) {
        open_.erase(id);
        to->complete(fail(std::move(why.what)));
      },
      std::forward<Ts>(message)...);
}

void gateway_state::shutdown(const done_reply& to) {
  const auto id = ++last_id_;
  open_.emplace(id, [to] { to->complete(nothing{}); });
  const auto finish = [this] { self_->quit(); };
  ask<caf::ok_atom>(
      self_, supervisor_, deadlines::outside_shutdown, [finish](caf::ok_atom) { finish(); },
      [finish](const failure&) { finish(); }, shutdown_atom_v);
}

gateway_actor::behavior_type gateway_behavior(gateway_actor::stateful_pointer<gateway_state> self,
                                              supervisor_actor supervisor) {
  self->state.begin(self, std::move(supervisor));
  return {
      [self](start_atom, const sandbox_id& id, const spec_ptr& spec, const start_reply& to) {
        self->state.forward(deadlines::outside_start, to, start_atom_v, id, spec);
      },
      [self](attach_atom, const sandbox_id& id, const provider_name& provider,
             const start_reply& to) {
        self->state.forward(deadlines::outside_attach, to, attach_atom_v, id, provider);
      },
      [self](keep_atom, const sandbox_id& id, caf::timespan life, const done_reply& to) {
        self->state.forward_done(deadlines::outside_keep, to, keep_atom_v, id, life);
      },
      [self](detach_atom, const sandbox_id& id, const done_reply& to) {
        self->state.forward_done(deadlines::outside_keep, to, detach_atom_v, id);
      },
      [self](pause_atom, const sandbox_id& id, const done_reply& to) {
        self->state.forward_done(deadlines::outside_pause, to, pause_atom_v, id);
      },
      [self](setup_atom, const sandbox_id& id, std::uint64_t number, setup_step step,
             const done_reply& to) {
        self->state.forward_done(deadlines::outside_setup, to, setup_atom_v, id, number, step);
      },
      [self](list_atom, const listing_reply& to) {
        self->state.forward(deadlines::outside_list, to, list_atom_v);
      },
      [self](stop_atom, const sandbox_id& id, const stop_reply& to) {
        self->state.forward(deadlines::outside_stop, to, stop_atom_v, id);
      },
      [self](report_atom, const sandbox_id& id, std::uint64_t generation, const error& seen,
             const route_reply& to) {
        self->state.forward(deadlines::outside_report, to, report_atom_v, id, generation, seen);
      },
      [self](take_atom, const turn_request& request, const waiter_ptr& place,
             const turn_reply& to) {
        self->state.forward(request.timeout + deadlines::turn_margin, to, take_atom_v, request,
                            place);
      },
      [self](shutdown_atom, const done_reply& to) { self->state.shutdown(to); },
      [self](cancel_atom, const sandbox_id& id) {
        self->send(self->state.supervisor(), cancel_atom_v, id);
      },
      [self](cancel_atom, const turn_request& request) {
        self->send(self->state.supervisor(), cancel_atom_v, request);
      },
  };
}

} // namespace sandfleet::actors
