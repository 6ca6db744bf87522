#include "actors/provider_port.hpp"

#include "actors/log.hpp"

#include <boost/asio/awaitable.hpp>

#include <utility>

namespace sandfleet::actors {

namespace asio = boost::asio;

namespace {

using provider_ptr = std::shared_ptr<providers::provider>;

// Coroutines of our own around the provider's calls: they keep the provider alive, and a provider
// that throws before it returns its awaitable throws inside the op, not in the port.

asio::awaitable<result<instance_ptr>> start_work(provider_ptr p, providers::start_request request) {
  auto made = co_await p->start(std::move(request));
  if (!made)
    co_return fail(std::move(made.error()));
  co_return std::make_shared<const providers::instance>(std::move(*made));
}

asio::awaitable<result<report_ptr>> stop_work(provider_ptr p, providers::stop_request request) {
  auto gone = co_await p->stop(std::move(request));
  if (!gone)
    co_return fail(std::move(gone.error()));
  co_return std::make_shared<const providers::exit_report>(std::move(*gone));
}

asio::awaitable<result<providers::instance_state>> inspect_work(provider_ptr p, sandbox_id id) {
  co_return co_await p->inspect(std::move(id));
}

error cannot_pause(const providers::provider& p) {
  return make_error(errc::unsupported,
                    "the provider '" + p.name().str() + "' cannot pause sandboxes here");
}

asio::awaitable<result<caf::ok_atom>> pause_work(provider_ptr p, sandbox_id id) {
  if (!p->can().pause)
    co_return fail(cannot_pause(*p));
  auto done = co_await p->pause(std::move(id));
  if (!done)
    co_return fail(std::move(done.error()));
  co_return caf::ok_atom_v;
}

asio::awaitable<result<instance_ptr>> resume_work(provider_ptr p, sandbox_id id) {
  if (!p->can().pause)
    co_return fail(cannot_pause(*p));
  auto made = co_await p->resume(std::move(id));
  if (!made)
    co_return fail(std::move(made.error()));
  co_return std::make_shared<const providers::instance>(std::move(*made));
}

asio::awaitable<result<instance_ptr>> attach_work(provider_ptr p, sandbox_id id) {
  auto made = co_await p->attach(std::move(id));
  if (!made)
    co_return fail(std::move(made.error()));
  co_return std::make_shared<const providers::instance>(std::move(*made));
}

asio::awaitable<result<caf::ok_atom>> keep_work(provider_ptr p, providers::keep_request request) {
  auto done = co_await p->keep(std::move(request));
  if (!done)
    co_return fail(std::move(done.error()));
  co_return caf::ok_atom_v;
}

asio::awaitable<result<caf::ok_atom>> detach_work(provider_ptr p, sandbox_id id) {
  auto done = co_await p->release(std::move(id));
  if (!done)
    co_return fail(std::move(done.error()));
  co_return caf::ok_atom_v;
}

asio::awaitable<result<listing_ptr>> list_work(provider_ptr p) {
  auto found = co_await p->list();
  if (!found)
    co_return fail(std::move(found.error()));
  co_return std::make_shared<const std::vector<sandbox_info>>(std::move(*found));
}

asio::awaitable<result<report_ptr>> wait_work(provider_ptr p, sandbox_id id) {
  auto ended = co_await p->wait(std::move(id));
  if (!ended)
    co_return fail(std::move(ended.error()));
  co_return std::make_shared<const providers::exit_report>(std::move(*ended));
}

} // namespace

void provider_port_state::begin(provider_port_actor self, provider_ptr provider,
                                asio::any_io_executor io) {
  provider_ = std::move(provider);
  io_ = std::move(io);
  work_.emplace(std::move(self));
}

void provider_port_state::start(const sandbox_id& id, const spec_ptr& spec,
                                caf::weak_actor_ptr asker, caf::response_promise answer) {
  providers::start_request request;
  request.id = id;
  request.spec = spec;
  const auto tell = [asker = std::move(asker)](const auto&... what) {
    if (const auto alive = caf::actor_cast<caf::strong_actor_ptr>(asker))
      caf::anon_send(caf::actor_cast<preparation_observer_actor>(alive), what...);
  };
  const auto gate = std::make_shared<transport::gate>(io_);
  request.on_preparing = [id, tell](providers::preparation what) {
    tell(preparing_atom_v, id, what == providers::preparation::image_build);
  };
  request.go_on = [id, tell, gate] {
    tell(prepared_atom_v, id);
    return gate->pass();
  };
  starts_[id] = {work_->begin(io_, start_work(provider_, std::move(request)),
                              owner{start_owner{id, owed_outcome(std::move(answer))}}),
                 gate};
}

void provider_port_state::proceed(const sandbox_id& id) {
  if (const auto found = starts_.find(id); found != starts_.end())
    found->second.gate->open();
}

void provider_port_state::cancel(const sandbox_id& id,
                                 caf::typed_response_promise<caf::ok_atom> answer) {
  const auto found = starts_.find(id);
  if (found == starts_.end()) {
    answer.deliver(caf::ok_atom_v);
    return;
  }
  work_->cancel(found->second.op);
  cancels_[id].add(std::move(answer));
}

void provider_port_state::stop(const sandbox_id& id, caf::response_promise answer) {
  work_->begin(io_, stop_work(provider_, {id, std::chrono::milliseconds(0)}),
               owner{owed_outcome(std::move(answer))});
}

void provider_port_state::inspect(const sandbox_id& id, caf::response_promise answer) {
  work_->begin(io_, inspect_work(provider_, id), owner{owed_outcome(std::move(answer))});
}

void provider_port_state::pause(const sandbox_id& id, caf::response_promise answer) {
  work_->begin(io_, pause_work(provider_, id), owner{owed_outcome(std::move(answer))});
}

void provider_port_state::resume(const sandbox_id& id, caf::response_promise answer) {
  work_->begin(io_, resume_work(provider_, id), owner{owed_outcome(std::move(answer))});
}

void provider_port_state::attach(const sandbox_id& id, caf::response_promise answer) {
  work_->begin(io_, attach_work(provider_, id), owner{owed_outcome(std::move(answer))});
}

void provider_port_state::keep(const sandbox_id& id, caf::timespan life,
                               caf::response_promise answer) {
  providers::keep_request request;
  request.id = id;
  request.time_to_live = std::chrono::ceil<std::chrono::milliseconds>(life);
  work_->begin(io_, keep_work(provider_, std::move(request)),
               owner{owed_outcome(std::move(answer))});
}

void provider_port_state::detach(const sandbox_id& id, caf::response_promise answer) {
  work_->begin(io_, detach_work(provider_, id), owner{owed_outcome(std::move(answer))});
}

void provider_port_state::list(caf::response_promise answer) {
  work_->begin(io_, list_work(provider_), owner{owed_outcome(std::move(answer))});
}

void provider_port_state::watch(const sandbox_id& id, const end_observer_actor& observer) {
  unwatch(id);
  watches_[id] = work_->begin(io_, wait_work(provider_, id), owner{watch_owner{id, observer}});
}

void provider_port_state::unwatch(const sandbox_id& id) {
  const auto found = watches_.find(id);
  if (found == watches_.end())
    return;
  work_->cancel(found->second);
  // Without its owner the outcome is dropped.
  work_->finish(found->second);
  watches_.erase(found);
}

void provider_port_state::finished(std::uint64_t op_id, const caf::message& outcome) {
  if (!work_->contains(op_id))
    return;
  auto done = work_->finish(op_id);
  std::visit([&](auto& to) { settle(to, outcome); }, done);
}

void provider_port_state::settle(owed_outcome& to, const caf::message& outcome) {
  to.deliver(outcome);
}

void provider_port_state::settle(start_owner& to, const caf::message& outcome) {
  to.answer.deliver(outcome);
  starts_.erase(to.id);
  if (auto waiting = cancels_.extract(to.id))
    waiting.mapped().deliver(caf::ok_atom_v);
}

void provider_port_state::settle(watch_owner& to, const caf::message& outcome) {
  watches_.erase(to.id);
  if (outcome.match_elements<report_ptr>()) {
    caf::anon_send(to.observer, ended_atom_v, outcome.get_as<report_ptr>(0));
    return;
  }
  // A provider that cannot even wait for the sandbox has lost it.
  providers::exit_report lost;
  lost.failure = outcome.get_as<error>(0);
  caf::anon_send(to.observer, ended_atom_v,
                 report_ptr(std::make_shared<const providers::exit_report>(std::move(lost))));
}

provider_port_actor::behavior_type
provider_port(provider_port_actor::stateful_pointer<provider_port_state> self,
              provider_ptr provider, asio::any_io_executor io) {
  self->state.begin(self, std::move(provider), std::move(io));
  return {
      [self](start_atom, const sandbox_id& id, const spec_ptr& spec) -> caf::result<instance_ptr> {
        // A promise takes the sender away.
        auto asker = caf::actor_cast<caf::weak_actor_ptr>(self->current_sender());
        auto answer = self->make_response_promise();
        self->state.start(id, spec, std::move(asker), answer);
        return answer;
      },
      [self](proceed_atom, const sandbox_id& id) { self->state.proceed(id); },
      [self](cancel_atom, const sandbox_id& id) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise<caf::ok_atom>();
        self->state.cancel(id, answer);
        return answer;
      },
      [self](stop_atom, const sandbox_id& id) -> caf::result<report_ptr> {
        auto answer = self->make_response_promise();
        self->state.stop(id, answer);
        return answer;
      },
      [self](inspect_atom, const sandbox_id& id) -> caf::result<providers::instance_state> {
        auto answer = self->make_response_promise();
        self->state.inspect(id, answer);
        return answer;
      },
      [self](pause_atom, const sandbox_id& id) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise();
        self->state.pause(id, answer);
        return answer;
      },
      [self](resume_atom, const sandbox_id& id) -> caf::result<instance_ptr> {
        auto answer = self->make_response_promise();
        self->state.resume(id, answer);
        return answer;
      },
      [self](attach_atom, const sandbox_id& id) -> caf::result<instance_ptr> {
        auto answer = self->make_response_promise();
        self->state.attach(id, answer);
        return answer;
      },
      [self](keep_atom, const sandbox_id& id, caf::timespan life) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise();
        self->state.keep(id, life, answer);
        return answer;
      },
      [self](detach_atom, const sandbox_id& id) -> caf::result<caf::ok_atom> {
        auto answer = self->make_response_promise();
        self->state.detach(id, answer);
        return answer;
      },
      [self](list_atom) -> caf::result<listing_ptr> {
        auto answer = self->make_response_promise();
        self->state.list(answer);
        return answer;
      },
      [self](watch_atom, const sandbox_id& id, const end_observer_actor& observer) {
        self->state.watch(id, observer);
      },
      [self](unwatch_atom, const sandbox_id& id) { self->state.unwatch(id); },
      [self](op_done_atom, std::uint64_t op_id, const caf::message& outcome) {
        self->state.finished(op_id, outcome);
      },
  };
}

} // namespace sandfleet::actors
