#pragma once

#include "actors/fwd.hpp"
#include "actors/reply.hpp"

#include <sandfleet/ids.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace sandfleet::actors {

/// One wait for a turn, as the control plane asks for it.
struct turn_wait {
  sandbox_id id;
  session_name session;
  std::uint64_t waiter = 0;
  std::chrono::milliseconds timeout{0};
};

/// The way from any thread to the actors, without their types. Every call is one message, and every
/// reply is answered exactly once: by the actors, or with `shutting_down` when they have ended.
class gateway {
 public:
  virtual ~gateway() = default;

  virtual void start(const sandbox_id& id, spec_ptr spec, start_reply to) = 0;
  virtual void cancel_start(const sandbox_id& id) = 0;
  virtual void attach(const sandbox_id& id, const provider_name& provider, start_reply to) = 0;
  virtual void keep(const sandbox_id& id, std::chrono::milliseconds life, done_reply to) = 0;
  virtual void detach(const sandbox_id& id, done_reply to) = 0;
  virtual void pause(const sandbox_id& id, done_reply to) = 0;
  virtual void set_up(const sandbox_id& id, std::uint64_t number, setup_step step,
                      done_reply to) = 0;
  virtual void list(listing_reply to) = 0;
  virtual void stop(const sandbox_id& id, stop_reply to) = 0;
  virtual void report(const sandbox_id& id, std::uint64_t generation, error seen,
                      route_reply to) = 0;
  /// `place` is null when the sandbox has no turns to give: the reply then says why.
  virtual void take(const turn_wait& wait, waiter_ptr place, turn_reply to) = 0;
  virtual void cancel_take(const turn_wait& wait) = 0;
  /// False when there is no journal, or no more.
  virtual bool record(journal_job job) = 0;
  virtual void shutdown(done_reply to) = 0;
};

} // namespace sandfleet::actors
