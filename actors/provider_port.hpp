#pragma once

#include "actors/bridge.hpp"
#include "actors/protocols.hpp"
#include "runtime/providers/provider.hpp"
#include "runtime/transport/gate.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <optional>
#include <unordered_map>
#include <variant>

namespace sandfleet::actors {

/// Calls one provider on Asio's threads for the actors.
class provider_port_state {
 public:
  static inline const char* name = "provider_port";

  void begin(provider_port_actor self, std::shared_ptr<providers::provider> provider,
             boost::asio::any_io_executor io);

  void start(const sandbox_id& id, const spec_ptr& spec, caf::weak_actor_ptr asker,
             caf::response_promise answer);
  void proceed(const sandbox_id& id);
  void cancel(const sandbox_id& id, caf::typed_response_promise<caf::ok_atom> answer);
  void stop(const sandbox_id& id, caf::response_promise answer);
  void inspect(const sandbox_id& id, caf::response_promise answer);
  void pause(const sandbox_id& id, caf::response_promise answer);
  void resume(const sandbox_id& id, caf::response_promise answer);
  void attach(const sandbox_id& id, caf::response_promise answer);
  void keep(const sandbox_id& id, caf::timespan life, caf::response_promise answer);
  void detach(const sandbox_id& id, caf::response_promise answer);
  void list(caf::response_promise answer);
  void watch(const sandbox_id& id, const end_observer_actor& observer);
  void unwatch(const sandbox_id& id);
  void finished(std::uint64_t op_id, const caf::message& outcome);

 private:
  struct watch_owner {
    sandbox_id id;
    end_observer_actor observer;
  };
  struct started {
    std::uint64_t op = 0;
    std::shared_ptr<transport::gate> gate;
  };
  struct start_owner {
    sandbox_id id;
    owed_outcome answer;
  };
  using owner = std::variant<owed_outcome, start_owner, watch_owner>;
  using table = work_table<provider_port_actor, owner>;

  void settle(owed_outcome& to, const caf::message& outcome);
  void settle(start_owner& to, const caf::message& outcome);
  void settle(watch_owner& to, const caf::message& outcome);

  std::shared_ptr<providers::provider> provider_;
  boost::asio::any_io_executor io_;
  std::optional<table> work_;
  std::unordered_map<sandbox_id, started> starts_;
  std::unordered_map<sandbox_id, owed<caf::ok_atom>> cancels_; ///< who waits for a start's end
  std::unordered_map<sandbox_id, std::uint64_t> watches_;
};

provider_port_actor::behavior_type
provider_port(provider_port_actor::stateful_pointer<provider_port_state> self,
              std::shared_ptr<providers::provider> provider, boost::asio::any_io_executor io);

} // namespace sandfleet::actors
