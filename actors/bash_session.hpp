#pragma once

#include "actors/failure.hpp"
#include "actors/protocols.hpp"
#include "actors/turn_gate.hpp"

#include <list>
#include <memory>
#include <optional>

namespace sandfleet::actors {

/// Puts those who wait for a session's turn in order. Exists only for sessions whose gate was once
/// found taken.
class bash_session_state {
 public:
  static inline const char* name = "bash_session";

  bash_session_state() = default;
  bash_session_state(const bash_session_state&) = delete;
  bash_session_state& operator=(const bash_session_state&) = delete;
  ~bash_session_state();

  void begin(bash_session_actor::pointer self, std::shared_ptr<turn_gate> gate);

  void take(const turn_request& request, const waiter_ptr& place,
            caf::typed_response_promise<token_ptr> answer);
  void cancel(std::uint64_t waiter);
  void released();
  void expire();
  void end(const error& verdict);

 private:
  struct waiting {
    std::uint64_t id;
    waiter_ptr place;
    owed<token_ptr> answer;
    caf::actor_clock::time_point until;
    session_name session;
  };

  void grant();
  void arm();

  bash_session_actor::pointer self_ = nullptr;
  std::shared_ptr<turn_gate> gate_;
  std::list<waiting> line_;
  bool free_ = false; ///< a release was told and its turn not given yet
  std::optional<caf::actor_clock::time_point> armed_; ///< when the next `expired` comes
};

bash_session_actor::behavior_type
bash_session(bash_session_actor::stateful_pointer<bash_session_state> self,
             std::shared_ptr<turn_gate> gate);

} // namespace sandfleet::actors
