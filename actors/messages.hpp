#pragma once

#include "actors/caf.hpp"

#include <cstdint>
#include <vector>

/// What travels between actors as plain structs. Bigger values are immutable and go by pointer
/// (fwd.hpp); every duration in a message is in nanoseconds (`caf::timespan`).
namespace sandfleet::actors {

/// Asks for the turn of one bash session.
struct turn_request {
  sandbox_id id;
  session_name session;
  std::uint64_t waiter = 0; ///< names this request to `cancel`; unique in the process
  caf::timespan timeout{0}; ///< how long it may wait

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, turn_request& x) {
    return f(caf::meta::type_name("turn_request"), x.id, x.session, x.waiter, x.timeout);
  }
};

/// Actors to end, stage by stage; those of one stage may end side by side.
struct actor_stages {
  std::vector<std::vector<caf::strong_actor_ptr>> stages; ///< in the order in which they were begun

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, actor_stages& x) {
    return f(caf::meta::type_name("actor_stages"), x.stages);
  }
};

} // namespace sandfleet::actors
