#pragma once

#include "actors/fwd.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <variant>

namespace sandfleet::actors {

/// The turn of one bash session, shared by the data plane and the session's actor. One number says
/// how many hold the turn or wait for it, so that an uncontended take and release is one atomic
/// operation each and no message. Who finds the turn held is counted at once, before the actor
/// knows of it; whoever comes later cannot overtake. Thread-safe.
class turn_gate : public std::enable_shared_from_this<turn_gate> {
 public:
  /// Told that a holder gave the turn back while others were counted. May be called on any thread.
  class listener {
   public:
    virtual ~listener() = default;
    virtual void turn_released() = 0;
  };

  /// The turn, or a place among those who wait, which the session's actor puts in order.
  [[nodiscard]] std::variant<token_ptr, waiter_ptr> enter();

  /// Who hears of releases; those before it was known are told now. `forget` ends it.
  void listen(std::shared_ptr<listener> who);
  void forget();

  /// For the actor that has heard of one release: true when the turn is really its to give. False
  /// when all who waited have left since, so that the turn was free again and the notice is void.
  [[nodiscard]] bool confirm_release() noexcept;

 private:
  friend class turn_waiter;

  token_ptr make_token();
  void release();
  void withdraw() noexcept;

  /// Low half: how many hold or wait. High half: notices that are void, because the last waiter
  /// left after the release. Both in one word, so that a free turn and its void notice are seen
  /// together: otherwise the actor could give away a turn that somebody else has just taken.
  std::atomic<std::uint64_t> word_{0};

  std::mutex mutex_; ///< guards the slow path below
  std::shared_ptr<listener> listener_;
  unsigned untold_ = 0;
};

/// See `waiter_ptr`. Used by one actor at a time.
class turn_waiter {
 public:
  explicit turn_waiter(std::shared_ptr<turn_gate> gate) : gate_(std::move(gate)) {}
  ~turn_waiter();
  turn_waiter(const turn_waiter&) = delete;
  turn_waiter& operator=(const turn_waiter&) = delete;

  [[nodiscard]] const std::shared_ptr<turn_gate>& gate() const noexcept { return gate_; }

  /// Turns the place into the turn. Only for the actor to which the turn was confirmed; once.
  [[nodiscard]] token_ptr promote();

 private:
  std::shared_ptr<turn_gate> gate_;
  bool promoted_ = false;
};

} // namespace sandfleet::actors
