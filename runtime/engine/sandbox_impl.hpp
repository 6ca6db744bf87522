#pragma once

#include "runtime/engine/agent_client.hpp"
#include "runtime/engine/core.hpp"

#include <sandfleet/sandbox.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace sandfleet {

struct sandbox::impl {
  impl(std::shared_ptr<engine_detail::core> shared, actors::ready_sandbox made);

  /// The client for the sandbox's current route, made anew when the route has changed.
  result<engine_detail::agent_client> client(std::uint64_t& generation);

  std::shared_ptr<engine_detail::core> core;
  actors::ready_sandbox ready;
  /// What results have told of, for a provider that does not see it from outside; more than were
  /// killed where commands ran side by side.
  std::atomic<std::int64_t> oom_kills = 0;

 private:
  std::mutex mutex_;
  std::shared_ptr<const actors::route> client_route_;
  std::optional<engine_detail::agent_client> client_;
};

} // namespace sandfleet
