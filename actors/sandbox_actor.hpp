#pragma once

#include "actors/control_plane.hpp"
#include "actors/failure.hpp"
#include "actors/health_checker.hpp"
#include "actors/protocols.hpp"
#include "actors/settings.hpp"
#include "actors/turn_board.hpp"
#include "runtime/core/lifecycle.hpp"

#include <map>
#include <memory>
#include <optional>

namespace sandfleet::actors {

/// What stays of a sandbox.
struct ending {
  providers::exit_report report;
  error verdict; ///< for whoever still asks for its route or a turn
};

/// What a sandbox actor is given.
struct sandbox_parts {
  sandbox_id id;
  spec_ptr spec;
  provider_actor provider;
  health_port_actor health;
  supervisor_actor owner;
  std::shared_ptr<turn_board> board;
  std::shared_ptr<const status_observer> observer;
  actor_settings settings;
};

/// The life of one sandbox. The lifecycle table decides what may follow; this acts. Every side
/// effect stands behind a state of its own (`stopping`, then ask, then `stopped`).
class sandbox_actor_state {
 public:
  static inline const char* name = "sandbox";

  sandbox_actor_state() = default;
  sandbox_actor_state(const sandbox_actor_state&) = delete;
  sandbox_actor_state& operator=(const sandbox_actor_state&) = delete;
  ~sandbox_actor_state();

  void begin(sandbox_actor::pointer self, sandbox_parts parts);

  // sandbox_actor.cpp: start and stop
  void start(caf::typed_response_promise<ready_ptr> answer);
  void cancel();
  void stop(caf::typed_response_promise<report_ptr> answer);
  void leave(); ///< the supervisor shuts down: stop, then end
  void conclude();

  // sandbox_keeping.cpp: sandboxes that outlive this engine, and those of others
  void attach(caf::typed_response_promise<ready_ptr> answer);
  void keep(caf::timespan life, caf::typed_response_promise<caf::ok_atom> answer);
  void detach(caf::typed_response_promise<caf::ok_atom> answer);

  // sandbox_setup.cpp
  void set_up(std::uint64_t number, setup_step step,
              caf::typed_response_promise<caf::ok_atom> answer);

  // sandbox_pausing.cpp
  void pause(caf::typed_response_promise<caf::ok_atom> answer);

  // sandbox_trouble.cpp: what happens to a sandbox while it runs
  void report(std::uint64_t generation, const error& seen,
              caf::typed_response_promise<route_ptr> answer);
  void building(bool is);
  void ended(const providers::exit_report& report);
  void lost(const error& why);
  void alive();
  void no_news();
  void replace(provider_actor next);
  void replace(health_port_actor next);
  void provider_given_up(const error& why);
  void child_died(const caf::down_msg& down);

  // sandbox_turns.cpp
  void take(const turn_request& request, const waiter_ptr& place,
            caf::typed_response_promise<token_ptr> answer);
  void cancel_turn(const turn_request& request);

 private:
  /// What was being asked of the provider when its actor died, and is asked of its successor.
  enum class interrupted { nothing, start, stop };

  /// True when the provider died under a request made in its life `life`, and the request is made
  /// again: at once when the successor is known already (its news can overtake that of the death),
  /// else when it comes. When none will come, `why` becomes the reason for that.
  bool retry_in_next_life(failure& why, unsigned life, interrupted what);

  bool advance(core::lifecycle_event event, const error* why = nullptr);
  [[nodiscard]] bool is_over() const; ///< no event leads back to `ready`

  void ask_start();
  void started(const instance_ptr& made);
  void start_failed(failure why, unsigned life);
  void leave_standing();
  void begin_stop();
  void ask_stop();
  void stop_failed(failure why, unsigned life);
  void finish_stop(const providers::exit_report& last);

  void attached(const providers::instance& made);
  void attach_failed(const error& why);
  void let_go();
  void part(const error& why);
  [[nodiscard]] error foreign_error() const;
  [[nodiscard]] ready_ptr describe() const;

  [[nodiscard]] bool is_being_set_up() const;
  [[nodiscard]] bool serves() const; ///< `ready`, or so but for a set-up
  void show_setup(setup_step step);

  [[nodiscard]] bool is_held() const; ///< paused, or about to be
  void hold();
  void held();
  void hold_failed(const error& why, const route& before);
  void wake();
  void found_paused();
  void report_held(std::uint64_t generation, caf::typed_response_promise<route_ptr> answer);

  void take_up(const providers::instance& made);
  void come_up(const providers::instance& made);
  void fail_with(error verdict); ///< the sandbox is no more; `verdict` says why
  void withdraw_service(const error& why);
  void begin_health(probe_mode mode);
  void end_health();
  void end_sessions(const error& why);

  void inquire(const error& seen);
  void judge(providers::instance_state found, const error& seen);
  void probe_again(const error& seen);
  void resume(const error& seen);
  void fetch_last_report(const error& seen);
  void disconnected(error verdict);

  sandbox_actor::pointer self_ = nullptr;
  sandbox_parts parts_;
  std::shared_ptr<sandbox_link> link_ = std::make_shared<sandbox_link>();
  sandbox_state now_ = sandbox_state::created;
  std::uint64_t generation_ = 0;
  limits_report limits_;
  std::string workspace_;
  std::vector<published_port> ports_;

  std::optional<error> parted_;                      ///< why it is to be forgotten
  std::optional<error> verdict_;                     ///< why it ended, if it was not asked to
  std::optional<providers::exit_report> unexpected_; ///< the report of such an end
  report_ptr final_;                                 ///< set when it has stopped
  bool cancelled_ = false;
  bool leaving_ = false;
  bool starting_ = false;   ///< the provider owes an answer to `start` or `attach`
  bool keeping_ = false;    ///< the provider owes an answer to `keep`
  bool outlives_ = false;   ///< stays when this engine ends
  bool foreign_ = false;    ///< another program's
  bool letting_go_ = false; ///< about to be forgotten: who still asks is answered at the end
  std::optional<std::uint64_t> setup_; ///< the number of the set-up that goes on
  bool inquiring_ = false;             ///< somebody is finding out what became of it
  interrupted interrupted_ = interrupted::nothing;
  unsigned provider_life_ = 0;         ///< counts the provider actors
  std::optional<error> provider_gone_; ///< set when there will be no other

  owed<ready_ptr> start_;
  owed<report_ptr> stops_;
  owed<route_ptr> reports_;
  owed<caf::ok_atom> detaches_;
  owed<caf::ok_atom> pauses_;

  health_checker_actor checker_;
  std::map<session_name, bash_session_actor> sessions_;
};

sandbox_actor::behavior_type sandbox(sandbox_actor::stateful_pointer<sandbox_actor_state> self,
                                     sandbox_parts parts);

} // namespace sandfleet::actors
