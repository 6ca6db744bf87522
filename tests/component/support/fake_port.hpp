#pragma once

#include "actors/protocols.hpp"
#include "runtime/providers/provider.hpp"

#include <sandfleet/listing.hpp>
#include <sandfleet/spec.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace sandfleet::actors::testing {

inline error infrastructure_error() {
  return make_error(errc::start_failed, "no room");
}
inline error task_error() {
  return make_error(errc::not_found, "image 'x' is missing");
}

inline spec_ptr some_spec() {
  sandbox_spec spec;
  spec.provider = provider_name("fake");
  return std::make_shared<const sandbox_spec>(std::move(spec));
}

inline instance_ptr instance_of(const sandbox_id& id, int life = 1) {
  providers::instance made;
  made.id = id;
  made.agent = transport::unix_endpoint{"/run/" + id.str() + "." + std::to_string(life)};
  made.session_key = "key";
  made.limits = {{"pids", "enforced"}};
  return std::make_shared<const providers::instance>(std::move(made));
}

/// What one start shall do.
struct start_plan {
  enum kind_type { succeed, fail, hang } kind = succeed;
  error failure{};
};

/// A provider's port without a provider: does what its script says, in virtual time, and keeps
/// record. Shared by the actor and the test, which run on one thread.
struct fake_port_script {
  std::deque<start_plan> plans; ///< one a start; afterwards all succeed
  bool obeys_cancel = true;
  bool stop_hangs = false;
  bool resume_hangs = false;
  std::optional<error> stop_failure;
  std::optional<error> resume_failure;
  std::optional<error> inspect_failure;
  std::optional<error> attach_failure;
  std::optional<error> keep_failure;
  std::optional<error> pause_failure;
  bool attach_hangs = false;
  bool keep_hangs = false;
  bool pause_hangs = false;
  bool detach_hangs = false;
  bool attaches_foreign = false;
  bool attaches_paused = false;
  std::vector<sandbox_info> listing;
  providers::instance_state state = providers::instance_state::running;
  providers::exit_report last_report;

  std::vector<sandbox_id> started;
  std::vector<sandbox_id> proceeded;
  std::vector<sandbox_id> cancelled;
  std::vector<sandbox_id> stopped;
  std::vector<sandbox_id> paused;
  std::vector<sandbox_id> resumed;
  std::vector<sandbox_id> attached;
  std::vector<std::pair<sandbox_id, caf::timespan>> kept;
  std::vector<sandbox_id> let_go;
  unsigned inspections = 0;
  unsigned in_flight = 0;
  unsigned most_in_flight = 0;

  provider_port_actor self;
  std::map<sandbox_id, caf::typed_response_promise<instance_ptr>> hanging;
  std::map<sandbox_id, caf::typed_response_promise<report_ptr>> hanging_stops;
  std::map<sandbox_id, caf::typed_response_promise<caf::ok_atom>> hanging_keeps; ///< and detaches
  std::map<sandbox_id, end_observer_actor> watchers;

  /// Lets a start that hangs end. A promise is only good inside its actor, so this is a message.
  void finish(const sandbox_id& id, std::optional<error> failure = {}) {
    caf::anon_send(self, op_done_atom_v, std::uint64_t{0},
                   failure ? caf::make_message(id, *failure) : caf::make_message(id));
  }

  /// The sandbox ends although nobody asked.
  void end(const sandbox_id& id, providers::exit_report report) {
    caf::anon_send(watchers.at(id), ended_atom_v,
                   report_ptr(std::make_shared<const providers::exit_report>(std::move(report))));
  }

  void forget_all() {
    self = nullptr;
    hanging.clear();
    hanging_stops.clear();
    hanging_keeps.clear();
    watchers.clear();
  }
};

using script_ptr = std::shared_ptr<fake_port_script>;

/// Answers what it owes when it dies, as the real port does.
struct fake_port_state {
  static inline const char* name = "fake_port";
  fake_port_state() = default;
  fake_port_state(const fake_port_state&) = delete;
  fake_port_state& operator=(const fake_port_state&) = delete;
  ~fake_port_state();
  script_ptr script;
};

provider_port_actor::behavior_type
fake_port(provider_port_actor::stateful_pointer<fake_port_state> self, script_ptr script);

/// Answers probes as `alive` says.
struct fake_health_script {
  bool alive = true;
  bool hangs = false;
  unsigned probes = 0;
  std::vector<caf::typed_response_promise<caf::ok_atom>> hanging;
};

using health_script_ptr = std::shared_ptr<fake_health_script>;

health_port_actor::behavior_type fake_health(health_port_actor::pointer self,
                                             health_script_ptr script);

} // namespace sandfleet::actors::testing
