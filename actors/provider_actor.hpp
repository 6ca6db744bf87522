#pragma once

#include "actors/failure.hpp"
#include "actors/protocols.hpp"
#include "actors/settings.hpp"
#include "runtime/core/backoff.hpp"

#include <deque>
#include <unordered_map>

namespace sandfleet::actors {

class provider_state {
 public:
  static inline const char* name = "provider";

  void begin(provider_actor::pointer self, provider_port_actor port,
             const actor_settings& settings);

  [[nodiscard]] const provider_port_actor& port() const { return port_; }

  void start(const sandbox_id& id, spec_ptr spec, build_observer_actor asker,
             caf::typed_response_promise<instance_ptr> answer);
  void preparing(const sandbox_id& id, bool builds);
  void prepared(const sandbox_id& id);
  void cancel(const sandbox_id& id);
  void retry(const sandbox_id& id, std::uint32_t attempt);

 private:
  enum class phase {
    queued,
    running,
    preparing, ///< waits for an image
    prepared,  ///< has it, and waits for its place among those that run
    backing_off,
  };

  struct job {
    spec_ptr spec;
    build_observer_actor asker;
    owed<instance_ptr> answer;
    core::backoff retries;
    caf::actor_clock::time_point begun;
    phase now = phase::queued;
    std::uint32_t attempt = 0;
    bool cancelled = false;
    bool builds = false; ///< as its asker knows it
  };
  using jobs = std::unordered_map<sandbox_id, job>;

  void pump();
  void launch(const sandbox_id& id, job& j);
  void give_place(const sandbox_id& id, const job& j);
  void tell_building(const sandbox_id& id, job& j, bool builds);
  void attempt_failed(const sandbox_id& id, failure why);
  void settle(const sandbox_id& id, error why);
  void back_off(const sandbox_id& id, job& j, std::chrono::milliseconds delay, const error& why);
  void leave(jobs::iterator who, const error& why);

  provider_actor::pointer self_ = nullptr;
  provider_port_actor port_;
  actor_settings settings_;
  jobs jobs_;
  std::deque<sandbox_id> queue_;
  std::deque<sandbox_id> prepared_; ///< those of that phase; before all of the queue
  unsigned running_ = 0;            ///< how many jobs are in that phase
  std::uint64_t next_seed_ = 0;
};

/// Dies with its port, and the port with it.
provider_actor::behavior_type provider(provider_actor::stateful_pointer<provider_state> self,
                                       provider_port_actor port, actor_settings settings);

} // namespace sandfleet::actors
