#pragma once

#include "actors/failure.hpp"
#include "actors/protocols.hpp"
#include "actors/sandbox_actor.hpp"
#include "actors/settings.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace sandfleet::actors {

/// How to make the actor that stands before one provider, with its port.
struct provider_spec {
  provider_name name;
  std::function<provider_actor(caf::actor_system&)> make;
};

struct supervisor_parts {
  std::vector<provider_spec> providers;
  std::function<health_port_actor(caf::actor_system&)> make_health_port;
  std::shared_ptr<turn_board> board;
  std::shared_ptr<const status_observer> observer;
  actor_settings settings;
};

/// Children: the health port and one provider actor a provider, restarted with backoff when they
/// die and given up when they die too often; and one actor a sandbox, which is not restarted: what
/// one that died has left is taken away, and whoever asks for it gets the verdict.
class supervisor_state {
 public:
  static inline const char* name = "supervisor";

  supervisor_state() = default;
  supervisor_state(const supervisor_state&) = delete;
  supervisor_state& operator=(const supervisor_state&) = delete;
  ~supervisor_state();

  void begin(supervisor_actor::pointer self, supervisor_parts parts);

  void start(const sandbox_id& id, const spec_ptr& spec,
             caf::typed_response_promise<ready_ptr> answer);
  void attach(const sandbox_id& id, const provider_name& provider,
              caf::typed_response_promise<ready_ptr> answer);
  void keep(const sandbox_id& id, caf::timespan life,
            caf::typed_response_promise<caf::ok_atom> answer);
  template <class... Ts>
  void pass_on(const sandbox_id& id, caf::typed_response_promise<caf::ok_atom> answer,
               const Ts&... message);
  void pause(const sandbox_id& id, caf::typed_response_promise<caf::ok_atom> answer);
  void set_up(const sandbox_id& id, std::uint64_t number, setup_step step,
              caf::typed_response_promise<caf::ok_atom> answer);
  void detach(const sandbox_id& id, caf::typed_response_promise<caf::ok_atom> answer);
  void list(caf::typed_response_promise<listing_ptr> answer);
  void cancel(const sandbox_id& id);
  void stop(const sandbox_id& id, caf::typed_response_promise<report_ptr> answer);
  void report(const sandbox_id& id, std::uint64_t generation, const error& seen,
              caf::typed_response_promise<route_ptr> answer);
  void take(const turn_request& request, const waiter_ptr& place,
            caf::typed_response_promise<token_ptr> answer);
  void cancel_turn(const turn_request& request);

  void ended(const sandbox_id& id, ending_ptr what);
  void let_go(const sandbox_id& id);
  void child_died(const caf::down_msg& down);
  void restart(std::size_t index);
  void shutdown(caf::typed_response_promise<caf::ok_atom> answer);

 private:
  /// A child that is restarted. Index 0 is the health port; the providers follow.
  struct child {
    std::string name;
    restart_window window;
    caf::strong_actor_ptr actor;     ///< null between two lives
    std::optional<error> given_up{}; ///< set once it has died too often
  };

  struct running_sandbox {
    sandbox_actor actor;
    std::size_t provider; ///< index of the child
  };

  void make_child(std::size_t index);
  void give_up(std::size_t index);
  void sandbox_died(const sandbox_id& id);
  void remember(const sandbox_id& id, ending_ptr what);
  sandbox_actor make_sandbox(const sandbox_id& id, spec_ptr spec, std::size_t provider);
  /// Index of the child, when it is in service.
  [[nodiscard]] result<std::size_t> provider_for(const provider_name& wanted) const;
  [[nodiscard]] provider_actor provider_at(std::size_t index) const;
  [[nodiscard]] error unknown(const sandbox_id& id) const;

  supervisor_actor::pointer self_ = nullptr;
  supervisor_parts parts_;
  std::vector<child> children_;
  std::unordered_map<sandbox_id, running_sandbox> sandboxes_;
  std::unordered_map<caf::actor_addr, sandbox_id> names_; ///< of the running sandboxes' actors

  /// What the last sandboxes that ended have left, oldest first; bounded.
  std::unordered_map<sandbox_id, ending_ptr> endings_;
  std::deque<sandbox_id> ending_order_;

  bool shutting_down_ = false;
  owed<caf::ok_atom> shutdown_;
};

supervisor_actor::behavior_type
supervisor(supervisor_actor::stateful_pointer<supervisor_state> self, supervisor_parts parts);

} // namespace sandfleet::actors
