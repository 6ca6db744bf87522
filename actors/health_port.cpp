#include "actors/health_port.hpp"

#include <utility>

namespace sandfleet::actors {

namespace asio = boost::asio;

namespace {

asio::awaitable<result<caf::ok_atom>> probe_work(probe_function probe, transport::http_base agent,
                                                 std::chrono::milliseconds timeout) {
  auto alive = co_await probe(std::move(agent), timeout);
  if (!alive)
    co_return fail(std::move(alive.error()));
  co_return caf::ok_atom_v;
}

} // namespace

health_port_actor::behavior_type
health_port(health_port_actor::stateful_pointer<health_port_state> self, probe_function probe,
            asio::any_io_executor io) {
  self->state.probe = std::move(probe);
  self->state.io = std::move(io);
  self->state.work.emplace(self);
  return {
      [self](probe_atom, const transport::http_base& agent,
             caf::timespan timeout) -> caf::result<caf::ok_atom> {
        auto& s = self->state;
        const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
        auto answer = self->make_response_promise();
        s.work->begin(s.io, probe_work(s.probe, agent, limit), owed_outcome(answer));
        return answer;
      },
      [self](op_done_atom, std::uint64_t op_id, const caf::message& outcome) {
        if (self->state.work->contains(op_id))
          self->state.work->finish(op_id).deliver(outcome);
      },
  };
}

} // namespace sandfleet::actors
