#include "actors/supervisor.hpp"

#include "actors/ask.hpp"
#include "actors/log.hpp"
#include "actors/terminator.hpp"

#include <sandfleet/listing.hpp>

#include <algorithm>
#include <utility>

namespace sandfleet::actors {

namespace {

/// How many ended sandboxes still answer with their verdict instead of `not_found`.
constexpr std::size_t max_endings = 4096;

constexpr std::size_t health_child = 0;

} // namespace

supervisor_state::~supervisor_state() {
  for (const auto& [id, one] : sandboxes_)
    caf::anon_send_exit(one.actor, caf::exit_reason::user_shutdown);
  for (const auto& one : children_)
    caf::anon_send_exit(one.actor, caf::exit_reason::user_shutdown);
}

void supervisor_state::begin(supervisor_actor::pointer self, supervisor_parts parts) {
  self_ = self;
  parts_ = std::move(parts);
  const auto& settings = parts_.settings;
  children_.push_back({"health_port", restart_window(settings.restarts, settings.seed), nullptr});
  for (const auto& one : parts_.providers)
    children_.push_back({"provider " + one.name.str(),
                         restart_window(settings.restarts, settings.seed + children_.size()),
                         nullptr});
  for (std::size_t i = 0; i < children_.size(); ++i)
    make_child(i);
}

void supervisor_state::make_child(std::size_t index) {
  auto& made = children_[index].actor;
  auto& system = self_->system();
  if (index == health_child)
    made = caf::actor_cast<caf::strong_actor_ptr>(parts_.make_health_port(system));
  else
    made = caf::actor_cast<caf::strong_actor_ptr>(parts_.providers[index - 1].make(system));
  self_->monitor(made);
}

provider_actor supervisor_state::provider_at(std::size_t index) const {
  return caf::actor_cast<provider_actor>(children_[index].actor);
}

result<std::size_t> supervisor_state::provider_for(const provider_name& wanted) const {
  const bool only = wanted.empty() && parts_.providers.size() == 1;
  std::string known;
  for (std::size_t i = 0; i < parts_.providers.size(); ++i) {
    const auto& dead = children_[i + 1].given_up;
    if (only || parts_.providers[i].name == wanted)
      return dead ? result<std::size_t>(fail(*dead)) : i + 1;
    known += (i == 0 ? "" : ", ") + parts_.providers[i].name.str();
  }
  return fail(make_error(errc::invalid_argument, "provider '" + wanted.str() + "' is not known")
                  .with_hint("known providers: " + known));
}

error supervisor_state::unknown(const sandbox_id& id) const {
  return make_error(errc::not_found, "sandbox '" + id.str() + "' is not known");
}

void supervisor_state::start(const sandbox_id& id, const spec_ptr& spec,
                             caf::typed_response_promise<ready_ptr> answer) {
  const auto refuse = [&](error why) { answer.deliver(to_caf(std::move(why))); };
  if (shutting_down_)
    return refuse(make_error(errc::shutting_down, "the control plane is shutting down"));
  if (sandboxes_.contains(id) || endings_.contains(id))
    return refuse(make_error(errc::already_exists, "sandbox '" + id.str() + "' exists already"));
  const auto provider = provider_for(spec->provider);
  if (!provider)
    return refuse(provider.error());
  answer.delegate(make_sandbox(id, spec, *provider), start_atom_v);
}

sandbox_actor supervisor_state::make_sandbox(const sandbox_id& id, spec_ptr spec,
                                             std::size_t provider) {
  auto made = self_->spawn(
      sandbox,
      sandbox_parts{id, std::move(spec), provider_at(provider),
                    caf::actor_cast<health_port_actor>(children_[health_child].actor),
                    supervisor_actor(self_), parts_.board, parts_.observer, parts_.settings});
  self_->monitor(made);
  names_.emplace(made.address(), id);
  sandboxes_.emplace(id, running_sandbox{made, provider});
  return made;
}

void supervisor_state::attach(const sandbox_id& id, const provider_name& provider,
                              caf::typed_response_promise<ready_ptr> answer) {
  if (shutting_down_) {
    answer.deliver(to_caf(make_error(errc::shutting_down, "the control plane is shutting down")));
  } else if (const auto found = sandboxes_.find(id); found != sandboxes_.end()) {
    answer.delegate(found->second.actor, attach_atom_v);
  } else if (const auto past = endings_.find(id); past != endings_.end()) {
    answer.deliver(to_caf(past->second->verdict));
  } else if (const auto index = provider_for(provider); !index) {
    answer.deliver(to_caf(index.error()));
  } else {
    answer.delegate(make_sandbox(id, nullptr, *index), attach_atom_v);
  }
}

template <class... Ts>
void supervisor_state::pass_on(const sandbox_id& id,
                               caf::typed_response_promise<caf::ok_atom> answer,
                               const Ts&... message) {
  if (const auto found = sandboxes_.find(id); found != sandboxes_.end())
    answer.delegate(found->second.actor, message...);
  else if (const auto past = endings_.find(id); past != endings_.end())
    answer.deliver(to_caf(past->second->verdict));
  else
    answer.deliver(to_caf(unknown(id)));
}

void supervisor_state::keep(const sandbox_id& id, caf::timespan life,
                            caf::typed_response_promise<caf::ok_atom> answer) {
  pass_on(id, std::move(answer), keep_atom_v, life);
}

void supervisor_state::pause(const sandbox_id& id,
                             caf::typed_response_promise<caf::ok_atom> answer) {
  pass_on(id, std::move(answer), pause_atom_v);
}

void supervisor_state::set_up(const sandbox_id& id, std::uint64_t number, setup_step step,
                              caf::typed_response_promise<caf::ok_atom> answer) {
  pass_on(id, std::move(answer), setup_atom_v, number, step);
}

void supervisor_state::detach(const sandbox_id& id,
                              caf::typed_response_promise<caf::ok_atom> answer) {
  if (const auto found = sandboxes_.find(id); found != sandboxes_.end())
    answer.delegate(found->second.actor, detach_atom_v);
  else
    answer.deliver(to_caf(unknown(id)));
}

namespace {

/// The answers of all providers to one question.
struct gathering {
  owed<listing_ptr> answer;
  std::vector<sandbox_info> found;
  std::size_t open = 0;

  void settle() {
    if (--open == 0)
      answer.deliver(std::make_shared<const std::vector<sandbox_info>>(std::move(found)));
  }
};

} // namespace

void supervisor_state::list(caf::typed_response_promise<listing_ptr> answer) {
  const auto all = std::make_shared<gathering>();
  all->answer.add(std::move(answer));
  all->open = parts_.providers.size();
  for (std::size_t i = 1; i <= parts_.providers.size(); ++i)
    ask<listing_ptr>(
        self_, provider_at(i), deadlines::provider_list,
        [all](const listing_ptr& some) {
          all->found.insert(all->found.end(), some->begin(), some->end());
          all->settle();
        },
        // A list with some missing would be taken for a whole one.
        [all](const failure& why) { all->answer.fail(why.what); }, list_atom_v);
}

void supervisor_state::cancel(const sandbox_id& id) {
  if (const auto found = sandboxes_.find(id); found != sandboxes_.end())
    self_->send(found->second.actor, cancel_atom_v);
}

void supervisor_state::stop(const sandbox_id& id, caf::typed_response_promise<report_ptr> answer) {
  if (const auto found = sandboxes_.find(id); found != sandboxes_.end())
    answer.delegate(found->second.actor, stop_atom_v);
  else if (const auto past = endings_.find(id); past != endings_.end())
    answer.deliver(std::make_shared<const providers::exit_report>(past->second->report));
  else
    answer.deliver(to_caf(unknown(id)));
}

void supervisor_state::report(const sandbox_id& id, std::uint64_t generation, const error& seen,
                              caf::typed_response_promise<route_ptr> answer) {
  if (const auto found = sandboxes_.find(id); found != sandboxes_.end())
    answer.delegate(found->second.actor, report_atom_v, generation, seen);
  else if (const auto past = endings_.find(id); past != endings_.end())
    answer.deliver(to_caf(past->second->verdict));
  else
    answer.deliver(to_caf(unknown(id)));
}

void supervisor_state::take(const turn_request& request, const waiter_ptr& place,
                            caf::typed_response_promise<token_ptr> answer) {
  if (const auto past = endings_.find(request.id); past != endings_.end())
    answer.deliver(to_caf(past->second->verdict));
  else if (const auto found = sandboxes_.find(request.id); found == sandboxes_.end())
    answer.deliver(to_caf(unknown(request.id)));
  else
    answer.delegate(found->second.actor, take_atom_v, request, place);
}

void supervisor_state::cancel_turn(const turn_request& request) {
  if (const auto found = sandboxes_.find(request.id); found != sandboxes_.end())
    self_->send(found->second.actor, cancel_atom_v, request);
}

void supervisor_state::ended(const sandbox_id& id, ending_ptr what) {
  const auto found = sandboxes_.find(id);
  if (found == sandboxes_.end())
    return;
  // Nothing is passed on to it after this, so it answers all before it ends.
  self_->send(found->second.actor, done_atom_v);
  names_.erase(found->second.actor.address());
  sandboxes_.erase(found);
  remember(id, std::move(what));
}

void supervisor_state::let_go(const sandbox_id& id) {
  const auto node = sandboxes_.extract(id);
  if (node.empty())
    return;
  self_->send(node.mapped().actor, done_atom_v);
  names_.erase(node.mapped().actor.address());
}

void supervisor_state::remember(const sandbox_id& id, ending_ptr what) {
  endings_.insert_or_assign(id, std::move(what));
  ending_order_.push_back(id);
  if (ending_order_.size() > max_endings) {
    endings_.erase(ending_order_.front());
    ending_order_.pop_front();
  }
}

void supervisor_state::child_died(const caf::down_msg& down) {
  if (const auto dead = names_.find(down.source); dead != names_.end()) {
    sandbox_died(sandbox_id(dead->second));
    return;
  }
  const auto found = std::ranges::find_if(children_, [&](const child& one) {
    return one.actor && one.actor->address() == down.source;
  });
  if (found == children_.end())
    return;
  found->actor = nullptr;
  if (shutting_down_)
    return;
  const auto index = static_cast<std::size_t>(found - children_.begin());
  if (const auto delay = found->window.next_delay(self_->system().clock().now())) {
    log_event(log_level::error, "child_died",
              {{"child", found->name}, {"restart_in_ms", std::to_string(delay->count())}});
    self_->delayed_send(supervisor_actor(self_), *delay, restart_atom_v, std::uint64_t{index});
  } else {
    give_up(index);
  }
}

void supervisor_state::restart(std::size_t index) {
  if (shutting_down_ || children_[index].actor)
    return;
  make_child(index);
  for (const auto& [id, one] : sandboxes_) {
    if (index == health_child)
      self_->send(one.actor, replace_atom_v,
                  caf::actor_cast<health_port_actor>(children_[index].actor));
    else if (one.provider == index)
      self_->send(one.actor, replace_atom_v, provider_at(index));
  }
}

void supervisor_state::give_up(std::size_t index) {
  auto& lost = children_[index];
  const auto& limits = parts_.settings.restarts;
  lost.given_up = make_error(errc::internal, lost.name + " is out of service")
                      .with_cause("it died more than " + std::to_string(limits.max_restarts) +
                                  " times within " + std::to_string(limits.window.count()) + " ms")
                      .with_hint("restart the program; its log says why it died");
  log_event(log_level::error, "child_given_up", {{"child", lost.name}});
  if (index == health_child)
    return; // sandboxes go on unwatched: the data plane still reports what it sees
  for (const auto& [id, one] : sandboxes_)
    if (one.provider == index)
      self_->send(one.actor, giveup_atom_v, *lost.given_up);
}

void supervisor_state::sandbox_died(const sandbox_id& id) {
  const auto node = sandboxes_.extract(id);
  const auto& dead = node.mapped();
  names_.erase(dead.actor.address());
  if (shutting_down_)
    return;
  log_event(log_level::error, "sandbox_actor_died", {{"sandbox", id.str()}});
  auto verdict = make_error(errc::internal, "the actor of sandbox " + id.str() + " died");
  const auto provider = provider_at(dead.provider);
  self_->send(provider, cancel_atom_v, id);
  ask<report_ptr>(
      self_, provider, deadlines::provider_stop, [](const report_ptr&) {},
      [id](const failure& why) {
        if (why.what.code != errc::not_found)
          log_event(log_level::error, "sandbox_left_behind",
                    {{"sandbox", id.str()}, {"error", why.what.to_string()}});
      },
      stop_atom_v, id);
  providers::exit_report report;
  report.failure = verdict;
  remember(id, std::make_shared<const ending>(ending{std::move(report), std::move(verdict)}));
}

void supervisor_state::shutdown(caf::typed_response_promise<caf::ok_atom> answer) {
  shutdown_.add(std::move(answer));
  if (std::exchange(shutting_down_, true))
    return;
  log_event(log_level::info, "shutdown", {{"sandboxes", std::to_string(sandboxes_.size())}});
  actor_stages all;
  for (const auto& one : children_)
    all.stages.push_back({one.actor});
  auto& last = all.stages.emplace_back();
  for (const auto& [id, one] : sandboxes_)
    last.push_back(caf::actor_cast<caf::strong_actor_ptr>(one.actor));
  const auto grace = parts_.settings.stop_grace;
  const auto finish = [this] {
    shutdown_.deliver(caf::ok_atom_v);
    self_->quit();
  };
  ask<caf::ok_atom>(
      self_, self_->spawn(terminator, caf::timespan(grace)), grace + deadlines::kill,
      [finish](caf::ok_atom) { finish(); }, [finish](const failure&) { finish(); }, shutdown_atom_v,
      std::move(all));
}

supervisor_actor::behavior_type
supervisor(supervisor_actor::stateful_pointer<supervisor_state> self, supervisor_parts parts) {
  self->set_down_handler([self](caf::down_msg& down) { self->state.child_died(down); });
  self->state.begin(self, std::move(parts));
  return {
      [self](start_atom, const sandbox_id& id, const spec_ptr& spec) -> caf::result<ready_ptr> {
        auto answer = self->make_response_promise<ready_ptr>();
        self->state.start(id, spec, answer);
        return answer;
      },
      [self](attach_atom, const sandbox_id& id,
             const provider_name& provider) -> caf::result<ready_ptr> {
        auto answer = self->make_response_promise<ready_ptr>();
        self->state.attach(id, provider, answer);
        return answer;
      },
      [self](keep_atom, const sandbox_id& id, caf::timespan life) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.keep(id, life, answer);
        return answer;
      },
      [self](detach_atom, const sandbox_id& id) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.detach(id, answer);
        return answer;
      },
      [self](setup_atom, const sandbox_id& id, std::uint64_t number,
             setup_step step) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.set_up(id, number, step, answer);
        return answer;
      },
      [self](pause_atom, const sandbox_id& id) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.pause(id, answer);
        return answer;
      },
      [self](list_atom) -> caf::result<listing_ptr> {
        auto answer = self->make_response_promise<listing_ptr>();
        self->state.list(answer);
        return answer;
      },
      [self](cancel_atom, const sandbox_id& id) { self->state.cancel(id); },
      [self](stop_atom, const sandbox_id& id) -> caf::result<report_ptr> {
        auto answer = self->make_response_promise<report_ptr>();
        self->state.stop(id, answer);
        return answer;
      },
      [self](report_atom, const sandbox_id& id, std::uint64_t generation,
             const error& seen) -> caf::result<route_ptr> {
        auto answer = self->make_response_promise<route_ptr>();
        self->state.report(id, generation, seen, answer);
        return answer;
      },
      [self](take_atom, const turn_request& request,
             const waiter_ptr& place) -> caf::result<token_ptr> {
        auto answer = self->make_response_promise<token_ptr>();
        self->state.take(request, place, answer);
        return answer;
      },
      [self](cancel_atom, const turn_request& request) { self->state.cancel_turn(request); },
      [self](ended_atom, const sandbox_id& id, const ending_ptr& what) {
        self->state.ended(id, what);
      },
      [self](done_atom, const sandbox_id& id) { self->state.let_go(id); },
      [self](restart_atom, std::uint64_t index) { self->state.restart(index); },
      [self](shutdown_atom) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.shutdown(answer);
        return answer;
      },
  };
}

} // namespace sandfleet::actors
