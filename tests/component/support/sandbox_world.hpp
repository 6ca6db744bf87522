#pragma once

#include "actors/provider_actor.hpp"
#include "tests/component/support/virtual_world.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace sandfleet::actors::testing {

using namespace std::chrono_literals;

/// A supervisor with one provider ("fake") and its sandboxes; only the ports are fakes.
class sandbox_world : public virtual_world {
 public:
  explicit sandbox_world(actor_settings s = default_settings()) : settings(s) {
    supervisor_parts parts;
    parts.settings = s;
    parts.board = board;
    parts.observer = std::make_shared<const status_observer>([this](const status_event& event) {
      events.push_back(event);
      if (throw_at == event.to)
        throw std::runtime_error("the test asked for it");
    });
    parts.providers.push_back({provider_name("fake"), [this](caf::actor_system& sys) {
                                 port_actor = sys.spawn(fake_port, port);
                                 front = sys.spawn(provider, port_actor, settings);
                                 keep(port_actor);
                                 return keep(front);
                               }});
    parts.make_health_port = [this](caf::actor_system& sys) {
      return keep(health_actor = sys.spawn(fake_health, health));
    };
    root = keep(system.spawn(supervisor, std::move(parts)));
    run();
  }

  /// Handles keep their actors in memory, and the system must outlive all.
  ~sandbox_world() {
    end_all();
    root = nullptr;
    front = nullptr;
    port_actor = nullptr;
    health_actor = nullptr;
  }

  static actor_settings default_settings() {
    actor_settings s;
    s.max_parallel_starts = 2;
    s.start_retry = {.base = 100ms, .cap = 1000ms, .max_attempts = 3, .max_elapsed = 120s};
    s.health_interval = 0ms;
    s.health_timeout = 1000ms;
    s.stop_grace = 5000ms;
    s.restarts = {.max_restarts = 3, .window = 60s, .base = 50ms, .cap = 1000ms};
    s.seed = 7;
    return s;
  }

  answer_of<ready_ptr> start(const sandbox_id& id) {
    return ask<ready_ptr>(root, start_atom_v, id, some_spec());
  }
  answer_of<report_ptr> stop(const sandbox_id& id) {
    return ask<report_ptr>(root, stop_atom_v, id);
  }
  answer_of<route_ptr> report(const sandbox_id& id, std::uint64_t generation) {
    return ask<route_ptr>(root, report_atom_v, id, generation,
                          make_error(errc::connection_failed, "connection reset"));
  }
  void cancel(const sandbox_id& id) {
    caf::anon_send(root, cancel_atom_v, id);
    run();
  }

  /// The states of a sandbox in the order in which they were told.
  [[nodiscard]] std::string states(const sandbox_id& id) const {
    std::string all;
    for (const auto& event : events)
      if (event.id == id)
        all += (all.empty() ? "" : " ") + short_name(event.to);
    return all;
  }

  static std::string short_name(sandbox_state state) {
    std::string name(to_string(state));
    const auto mark = name.find('$');
    return mark == std::string::npos ? name : name.substr(mark + 1);
  }

  actor_settings settings;
  std::vector<status_event> events;
  std::optional<sandbox_state> throw_at; ///< kills the sandbox's actor when it enters this state
  supervisor_actor root;
  provider_actor front;
  provider_port_actor port_actor;
  health_port_actor health_actor;
};

} // namespace sandfleet::actors::testing
