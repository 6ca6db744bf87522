#pragma once

#include "actors/failure.hpp"
#include "actors/protocols.hpp"

#include <vector>

namespace sandfleet::actors {

class terminator_state {
 public:
  static inline const char* name = "terminator";

  void begin(terminator_actor::pointer self, caf::timespan grace);
  void end(const actor_stages& all, caf::typed_response_promise<caf::ok_atom> answer);
  void gone(const caf::actor_addr& who);
  void expire();

 private:
  void next_stage();
  void finish();

  terminator_actor::pointer self_ = nullptr;
  caf::timespan grace_{0};
  std::vector<std::vector<caf::strong_actor_ptr>> left_;
  std::vector<caf::strong_actor_ptr> now_; ///< the stage that is ending
  caf::exit_reason how_ = caf::exit_reason::user_shutdown;
  owed<caf::ok_atom> answer_;
};

/// `grace` is for all stages together.
terminator_actor::behavior_type
terminator(terminator_actor::stateful_pointer<terminator_state> self, caf::timespan grace);

} // namespace sandfleet::actors
