#pragma once

#include "actors/fwd.hpp"

#include <sandfleet/error.hpp>

#include <atomic>
#include <utility>

namespace sandfleet::actors {

/// Where the answer to one call of the control plane goes. The first answer counts; one that is
/// dropped without an answer says `shutting_down`, because only actors that end drop a reply.
/// Thread-safe.
template <class T>
class reply {
 public:
  virtual ~reply() = default;

  /// False when an answer was given before.
  bool complete(result<T> outcome) {
    if (answered_.exchange(true))
      return false;
    deliver(std::move(outcome));
    return true;
  }

 protected:
  /// Called at most once, on any thread; must not block.
  virtual void deliver(result<T> outcome) = 0;

  /// For the destructor of the derived class, which alone can still deliver.
  void abandon() {
    complete(fail(make_error(errc::shutting_down, "the control plane ended before it answered")));
  }

 private:
  std::atomic<bool> answered_{false};
};

/// For who waits for no answer.
class unheard final : public reply<nothing> {
 private:
  void deliver(result<nothing> /*outcome*/) override {}
};

} // namespace sandfleet::actors
