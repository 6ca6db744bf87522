#include "actors/journal_keeper.hpp"

#include "actors/log.hpp"
#include "runtime/journal/store.hpp"

#include <exception>
#include <utility>

namespace sandfleet::actors {

journal_actor::behavior_type
journal_keeper(journal_actor::stateful_pointer<journal_keeper_state> self,
               std::shared_ptr<std::unique_ptr<journal::store>> store, caf::strong_actor_ptr last) {
  self->state.store = std::move(*store);
  self->monitor(last);
  self->set_down_handler([self](caf::down_msg&) { self->quit(); });
  return {
      [self](record_atom, const journal_job_ptr& job) {
        try {
          (*job)(*self->state.store);
        } catch (const std::exception& e) { // one job's, and not the journal's
          log_event(log_level::error, "journal_job_threw", {{"what", e.what()}});
        }
      },
  };
}

} // namespace sandfleet::actors
