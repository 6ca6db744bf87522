#include "tests/component/support/fake_port.hpp"

#include "actors/failure.hpp"

namespace sandfleet::actors::testing {

namespace {

caf::result<instance_ptr> start(provider_port_actor::pointer self, fake_port_script& s,
                                const sandbox_id& id) {
  s.started.push_back(id);
  start_plan plan;
  if (!s.plans.empty()) {
    plan = s.plans.front();
    s.plans.pop_front();
  }
  s.most_in_flight = std::max(s.most_in_flight, s.in_flight + 1);
  if (plan.kind == start_plan::fail)
    return to_caf(plan.failure);
  if (plan.kind == start_plan::succeed)
    return instance_of(id);
  ++s.in_flight;
  auto answer = self->make_response_promise<instance_ptr>();
  s.hanging.emplace(id, answer);
  return answer;
}

void finish(fake_port_script& s, const sandbox_id& id, const error* failure) {
  auto answer = s.hanging.extract(id).mapped();
  --s.in_flight;
  if (failure)
    answer.deliver(to_caf(*failure));
  else
    answer.deliver(instance_of(id));
}

caf::result<caf::ok_atom> cancel(provider_port_actor::pointer self, fake_port_script& s,
                                 const sandbox_id& id) {
  s.cancelled.push_back(id);
  if (!s.hanging.contains(id))
    return caf::ok_atom_v;
  if (!s.obeys_cancel)
    return self->make_response_promise<caf::ok_atom>();
  const auto cancelled = make_error(errc::cancelled, "start cancelled");
  finish(s, id, &cancelled);
  return caf::ok_atom_v;
}

caf::result<caf::ok_atom> hang(provider_port_actor::pointer self, fake_port_script& s,
                               const sandbox_id& id) {
  auto answer = self->make_response_promise<caf::ok_atom>();
  s.hanging_keeps.emplace(id, answer);
  return answer;
}

caf::result<instance_ptr> attach(provider_port_actor::pointer self, fake_port_script& s,
                                 const sandbox_id& id) {
  s.attached.push_back(id);
  if (s.attach_hangs) {
    auto answer = self->make_response_promise<instance_ptr>();
    s.hanging.emplace(id, answer);
    ++s.in_flight;
    return answer;
  }
  if (s.attach_failure)
    return to_caf(*s.attach_failure);
  auto made = *instance_of(id);
  made.foreign = s.attaches_foreign;
  made.paused = s.attaches_paused;
  return instance_ptr(std::make_shared<const providers::instance>(std::move(made)));
}

} // namespace

fake_port_state::~fake_port_state() {
  if (!script)
    return;
  for (auto& [id, answer] : std::exchange(script->hanging, {}))
    answer.deliver(owner_died());
  for (auto& [id, answer] : std::exchange(script->hanging_stops, {}))
    answer.deliver(owner_died());
  for (auto& [id, answer] : std::exchange(script->hanging_keeps, {}))
    answer.deliver(owner_died());
  script->in_flight = 0;
}

provider_port_actor::behavior_type
fake_port(provider_port_actor::stateful_pointer<fake_port_state> self, script_ptr script) {
  self->state.script = script;
  script->self = self;
  return {
      [=](start_atom, const sandbox_id& id, const spec_ptr&) -> caf::result<instance_ptr> {
        return start(self, *script, id);
      },
      [=](proceed_atom, const sandbox_id& id) { script->proceeded.push_back(id); },
      [=](cancel_atom, const sandbox_id& id) -> caf::result<caf::ok_atom> {
        return cancel(self, *script, id);
      },
      [=](stop_atom, const sandbox_id& id) -> caf::result<report_ptr> {
        script->stopped.push_back(id);
        if (script->stop_hangs) {
          auto answer = self->make_response_promise<report_ptr>();
          script->hanging_stops.emplace(id, answer);
          return answer;
        }
        if (script->stop_failure)
          return to_caf(*script->stop_failure);
        return report_ptr(std::make_shared<const providers::exit_report>(script->last_report));
      },
      [=](inspect_atom, const sandbox_id&) -> caf::result<providers::instance_state> {
        ++script->inspections;
        if (script->inspect_failure)
          return to_caf(*script->inspect_failure);
        return script->state;
      },
      [=](pause_atom, const sandbox_id& id) -> caf::result<caf::ok_atom> {
        script->paused.push_back(id);
        if (script->pause_hangs)
          return hang(self, *script, id);
        if (script->pause_failure)
          return to_caf(*script->pause_failure);
        return caf::ok_atom_v;
      },
      [=](resume_atom, const sandbox_id& id) -> caf::result<instance_ptr> {
        script->resumed.push_back(id);
        if (script->resume_hangs) {
          auto answer = self->make_response_promise<instance_ptr>();
          script->hanging.emplace(id, answer);
          ++script->in_flight;
          return answer;
        }
        if (script->resume_failure)
          return to_caf(*script->resume_failure);
        return instance_of(id, 2);
      },
      [=](attach_atom, const sandbox_id& id) -> caf::result<instance_ptr> {
        return attach(self, *script, id);
      },
      [=](keep_atom, const sandbox_id& id, caf::timespan life) -> caf::result<caf::ok_atom> {
        script->kept.emplace_back(id, life);
        if (script->keep_hangs)
          return hang(self, *script, id);
        if (script->keep_failure)
          return to_caf(*script->keep_failure);
        return caf::ok_atom_v;
      },
      [=](detach_atom, const sandbox_id& id) -> caf::result<caf::ok_atom> {
        script->let_go.push_back(id);
        if (script->detach_hangs)
          return hang(self, *script, id);
        return caf::ok_atom_v;
      },
      [=](list_atom) -> caf::result<listing_ptr> {
        return listing_ptr(std::make_shared<const std::vector<sandbox_info>>(script->listing));
      },
      [=](watch_atom, const sandbox_id& id, const end_observer_actor& observer) {
        script->watchers[id] = observer;
      },
      [=](unwatch_atom, const sandbox_id& id) { script->watchers.erase(id); },
      [=](op_done_atom, std::uint64_t, const caf::message& what) {
        const auto& id = what.get_as<sandbox_id>(0);
        if (auto keep = script->hanging_keeps.extract(id)) {
          keep.mapped().deliver(caf::ok_atom_v);
          return;
        }
        finish(*script, id, what.size() == 2 ? &what.get_as<error>(1) : nullptr);
      },
  };
}

health_port_actor::behavior_type fake_health(health_port_actor::pointer self,
                                             health_script_ptr script) {
  return {
      [=](probe_atom, const transport::http_base&, caf::timespan) -> caf::result<caf::ok_atom> {
        ++script->probes;
        if (script->hangs)
          return script->hanging.emplace_back(self->make_response_promise<caf::ok_atom>());
        if (!script->alive)
          return to_caf(make_error(errc::connection_failed, "connection refused"));
        return caf::ok_atom_v;
      },
      [](op_done_atom, std::uint64_t, const caf::message&) {},
  };
}

} // namespace sandfleet::actors::testing
