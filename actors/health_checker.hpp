#pragma once

#include "actors/protocols.hpp"
#include "actors/settings.hpp"

#include <chrono>
#include <random>

namespace sandfleet::actors {

enum class probe_mode {
  regular,    ///< the agent is taken to be alive
  suspicious, ///< it is taken to be lost: the first success is `alive`
};

/// What one health checker watches, and for whom. `observer` hears of it.
struct health_subject {
  sandbox_id id;
  transport::http_base agent;
  health_port_actor port;
  health_observer_actor observer;
  probe_mode mode = probe_mode::regular;
};

class health_checker_state {
 public:
  static inline const char* name = "health_checker";

  void begin(health_checker_actor::pointer self, health_subject subject,
             const actor_settings& settings);
  void tick();

 private:
  void schedule(std::chrono::nanoseconds around);
  void alive();
  void failed(error why);

  health_checker_actor::pointer self_ = nullptr;
  health_subject subject_;
  actor_settings settings_;
  std::minstd_rand random_;
  unsigned failures_ = 0;
};

/// Probes every `health_interval`, give or take a tenth, so that many sandboxes spread over time;
/// after a failure four times as often, until it is sure. Ends with its observer.
health_checker_actor::behavior_type
health_checker(health_checker_actor::stateful_pointer<health_checker_state> self,
               health_subject subject, actor_settings settings);

} // namespace sandfleet::actors
