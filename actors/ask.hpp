#pragma once

#include "actors/failure.hpp"

#include <chrono>
#include <utility>

namespace sandfleet::actors {

/// Sends a request and calls `ok(const Answer&)` or `failed(failure)`. CAF keeps the timer of a
/// request, and with it the actor, until its deadline even when the answer came; this removes it.
template <class Answer, class Self, class Handle, class Ok, class Failed, class... Ts>
void ask(Self* self, const Handle& to, caf::timespan deadline, Ok ok, Failed failed, Ts&&... xs) {
  auto pending = self->request(to, deadline, std::forward<Ts>(xs)...);
  const auto id = pending.id();
  pending.then(
      [self, id, ok = std::move(ok)](const Answer& answer) mutable {
        self->system().clock().cancel_request_timeout(self, id);
        ok(answer);
      },
      [self, id, failed = std::move(failed)](caf::error& e) mutable {
        self->system().clock().cancel_request_timeout(self, id);
        failed(from_caf(e));
      });
}

} // namespace sandfleet::actors
